import { conflict, forbidden, invalid, notFound } from '@hallmark/errors';
import { parseBody } from '../domain/body.ts';
import type { Caller } from '../domain/caller.ts';
import { MEMBER_STATUSES, type Member } from '../domain/image.ts';
import { refusal } from '../domain/policy/policy.ts';
import { isOver, memberOverQuota } from '../domain/quota.ts';
import { isObject } from '../domain/schema-check.ts';
import { touch } from '../store/image-records.ts';
import type { FoundImage } from '../store/image-rows.ts';
import { deleteMember, insertMember, listMembers, setMemberStatus } from '../store/members.ts';
import { imageNotFound } from './images.ts';
import { seeImage, withImage, type Workshop } from './workshop.ts';

const LONGEST_MEMBER = 255;

/** The projects with which images are shared. */
export class Members {
  readonly #shop: Workshop;

  constructor(shop: Workshop) {
    this.#shop = shop;
  }

  /** All for the owner; for a member, itself. */
  async list(caller: Caller, id: string): Promise<Member[]> {
    const image = await seeImage(this.#shop, caller, id, imageNotFound);
    this.#shop.settings().policy.requireOn('get_members', caller, image);
    if (image.visibility !== 'shared') {
      throw forbidden(
        'NOT_SHARED',
        `Not allowed to list members for image ${id}: Only shared images have members.`,
      );
    }
    return (await listMembers(this.#shop.db.kysely, id)).filter((member) =>
      this.#maySee(caller, image, member.memberId),
    );
  }

  async get(caller: Caller, id: string, memberId: string): Promise<Member> {
    const image = await seeImage(this.#shop, caller, id, imageNotFound);
    const members = await listMembers(this.#shop.db.kysely, id);
    const member = members.find((candidate) => candidate.memberId === memberId);
    if (!member || !this.#maySee(caller, image, memberId)) throw memberUnknown(id, memberId);
    this.#shop.settings().policy.requireOn('get_member', caller, image);
    return member;
  }

  async create(caller: Caller, id: string, body: Uint8Array): Promise<Member> {
    const memberId = readMember(parseBody(body));
    const { policy, quotas } = this.#shop.settings();
    return await withImage(
      this.#shop,
      caller,
      id,
      async (image, tx) => {
        policy.requireOn('add_member', caller, image);
        if (image.visibility !== 'shared')
          throw forbidden('NOT_SHARED', `Not allowed to create members for image ${id}.`);
        const members = await listMembers(tx, id);
        const attempted = members.length + 1;
        if (isOver(attempted, quotas.members)) throw memberOverQuota(id, attempted, quotas.members);
        if (members.some((member) => member.memberId === memberId))
          throw conflict('MEMBER_EXISTS', `Member ${memberId} is duplicated for image ${id}`);
        return await insertMember(tx, id, memberId);
      },
      imageNotFound,
    );
  }

  async update(caller: Caller, id: string, memberId: string, body: Uint8Array): Promise<Member> {
    const wanted = readStatus(parseBody(body));
    const { policy } = this.#shop.settings();
    return await withImage(
      this.#shop,
      caller,
      id,
      async (image, tx) => {
        const members = await listMembers(tx, id);
        const isThere = members.some((member) => member.memberId === memberId);
        if (!isThere || !this.#maySee(caller, image, memberId)) throw memberUnknown(id, memberId);
        // The rule speaks of the member that is to be changed.
        if (!policy.allowsOn('modify_member', caller, { ...image, memberId })) throw refusal('modify_member');
        const status = MEMBER_STATUSES.find((candidate) => candidate === wanted);
        if (!status) {
          throw invalid(
            'MEMBER_INVALID',
            'Incorrect request: Status must be "pending", "accepted" or "rejected".',
          );
        }
        const member = await setMemberStatus(tx, id, memberId, status);
        if (!member) throw memberUnknown(id, memberId);
        return member;
      },
      imageNotFound,
    );
  }

  async delete(caller: Caller, id: string, memberId: string): Promise<void> {
    const { policy } = this.#shop.settings();
    await withImage(
      this.#shop,
      caller,
      id,
      async (image, tx) => {
        policy.requireOn('delete_member', caller, image);
        if (image.visibility !== 'shared')
          throw forbidden('NOT_SHARED', `Not allowed to delete members for image ${id}.`);
        if (memberId.includes('\0') || !(await deleteMember(tx, id, memberId)))
          throw memberUnknown(id, memberId);
        await touch(tx, id);
      },
      imageNotFound,
    );
  }

  #maySee(caller: Caller, image: FoundImage, memberId: string): boolean {
    if (memberId === caller.projectId) return true;
    if (image.owner !== null && image.owner === caller.projectId) return true;
    return this.#shop.settings().policy.isAdmin(caller);
  }
}

function readMember(body: unknown): string {
  if (!isObject(body))
    throw invalid('MEMBER_INVALID', 'Expected a member in the form: {"member": "image_id"}');
  const { member } = body;
  if (member === undefined) throw invalid('MEMBER_INVALID', 'Member to be added not specified');
  if (member === '' || member === null) throw invalid('MEMBER_INVALID', "Member can't be empty");
  if (typeof member !== 'string' || member.includes('\0'))
    throw invalid('MEMBER_INVALID', 'Member must be the id of a project');
  if (Array.from(member).length > LONGEST_MEMBER)
    throw invalid('MEMBER_INVALID', `Member must not be longer than ${LONGEST_MEMBER} characters`);
  return member;
}

function readStatus(body: unknown): unknown {
  if (!isObject(body)) throw invalid('MEMBER_INVALID', 'Expected a status in the form: {"status": "status"}');
  if (body['status'] === undefined) throw invalid('MEMBER_INVALID', 'Status not specified');
  return body['status'];
}

const memberUnknown = (id: string, memberId: string): Error =>
  notFound('MEMBER_UNKNOWN', `${memberId} not found in the member list of the image ${id}.`);
