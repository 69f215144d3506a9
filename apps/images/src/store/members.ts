import { sql, type Kysely } from 'kysely';
import type { Member, MemberStatus } from '../domain/image.ts';
import type { ImagesTransaction } from './image-records.ts';
import type { MemberRow, Tables } from './tables.ts';

/** The projects with which images are shared. Whatever adds or removes one has locked the image. */

export async function listMembers(db: Kysely<Tables>, imageId: string): Promise<Member[]> {
  const rows = await db
    .selectFrom('members')
    .selectAll()
    .where('image_id', '=', imageId)
    .orderBy('created_at')
    .orderBy('member_id')
    .execute();
  return rows.map(memberFromRow);
}

export async function insertMember(
  tx: ImagesTransaction,
  imageId: string,
  memberId: string,
): Promise<Member> {
  const row = await tx
    .insertInto('members')
    .values({ image_id: imageId, member_id: memberId, status: 'pending' })
    .returningAll()
    .executeTakeFirstOrThrow();
  return memberFromRow(row);
}

/** Undefined when there is none. */
export async function setMemberStatus(
  tx: ImagesTransaction,
  imageId: string,
  memberId: string,
  status: MemberStatus,
): Promise<Member | undefined> {
  const row = await tx
    .updateTable('members')
    .set({ status, updated_at: sql<Date>`now()` })
    .where('image_id', '=', imageId)
    .where('member_id', '=', memberId)
    .returningAll()
    .executeTakeFirst();
  return row && memberFromRow(row);
}

/** Whether there was one. */
export async function deleteMember(
  tx: ImagesTransaction,
  imageId: string,
  memberId: string,
): Promise<boolean> {
  const { numDeletedRows } = await tx
    .deleteFrom('members')
    .where('image_id', '=', imageId)
    .where('member_id', '=', memberId)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

const memberFromRow = (row: MemberRow): Member => ({
  imageId: row.image_id,
  memberId: row.member_id,
  status: row.status,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
});
