import { forbidden, invalid, notFound } from '@hallmark/errors';
import type { Caller } from '../domain/caller.ts';
import { draftImage } from '../domain/create.ts';
import { IMAGE_ID } from '../domain/image.ts';
import { parseListQuery } from '../domain/list-query.ts';
import { applyPatch } from '../domain/patch-apply.ts';
import { parsePatch } from '../domain/patch-parse.ts';
import { requirePlainText } from '../domain/property-checks.ts';
import { isOver, requirePropertyQuota, requireTagQuota, singleTagOverQuota } from '../domain/quota.ts';
import { requireActivation, requireDeletable } from '../domain/status.ts';
import { STAGING } from '../settings/store-settings.ts';
import { addTags, deleteImage, getImage, moveStatus, saveChange, touch } from '../store/image-records.ts';
import type { FoundImage } from '../store/image-rows.ts';
import { seeImage, showImage, withImage, type Workshop } from './workshop.ts';

/** Pages of rows that one list looks through for images that the caller may see. */
const MOST_PAGES = 20;
const LONGEST_TAG = 255;

/** What `/v2/images` does with records; bytes, imports and members are others' business. */
export class Images {
  readonly #shop: Workshop;

  constructor(shop: Workshop) {
    this.#shop = shop;
  }

  async create(caller: Caller, body: Uint8Array): Promise<{ image: FoundImage; ignored: readonly string[] }> {
    const { schema, policy, protections, injection, quotas } = this.#shop.settings();
    const draft = draftImage(body, caller, { schema, policy, protections, injection, quotas });
    const image = await this.#shop.records.insert(draft);
    this.#shop.events.created(image.id, caller, draft.ignored);
    return { image, ignored: draft.ignored };
  }

  async get(caller: Caller, id: string): Promise<FoundImage> {
    return await seeImage(this.#shop, caller, id);
  }

  /** The document of a page, and how many images are in it. */
  async list(caller: Caller, queryText: string): Promise<{ document: object; count: number }> {
    const { policy, protections, pageSizes } = this.#shop.settings();
    policy.require('get_images', caller);
    const query = parseListQuery(queryText, pageSizes);
    let after = query.marker === undefined ? undefined : await this.#marker(caller, query.marker);
    const viewer = { projectId: caller.projectId, isAdmin: policy.isAdmin(caller) };
    // What a caller can't read, a filter must not tell.
    const isReadable = query.filters.properties.every(({ name }) => protections.allows('read', name, caller));
    // One more than asked for tells whether there is another page.
    const wanted = query.limit === 0 || !isReadable ? 0 : query.limit + 1;
    const seen: FoundImage[] = [];
    for (let page = 0; page < MOST_PAGES && seen.length < wanted; page++) {
      const { filters, sort } = query;
      const rows = await this.#shop.list.page(viewer, { filters, sort, limit: wanted, after });
      seen.push(...rows.filter((image) => policy.maySee(caller, image)));
      after = rows.at(-1);
      if (rows.length < wanted) break;
    }
    const images = seen.slice(0, query.limit);
    const last = seen.length > images.length ? images.at(-1) : undefined;
    const document = {
      images: images.map((image) => showImage(this.#shop, image, caller)),
      first: query.first,
      schema: '/v2/schemas/images',
      ...(last && { next: query.next(last.id) }),
    };
    return { document, count: images.length };
  }

  async update(caller: Caller, id: string, mediaType: string, body: Uint8Array): Promise<FoundImage> {
    const { schema, policy, protections, quotas } = this.#shop.settings();
    const patch = parsePatch(mediaType, body, schema);
    return await withImage(this.#shop, caller, id, async (image, tx) => {
      policy.requireOn('modify_image', caller, image);
      const change = applyPatch(image, patch, caller, { policy, protections });
      if (change.attributes.tags) requireTagQuota(change.attributes.tags.length, quotas.tags);
      const names = [...image.properties.keys()].filter((name) => !change.removed.has(name));
      requirePropertyQuota(
        image.properties.keys(),
        new Set([...names, ...change.set.keys()]),
        quotas.properties,
      );
      const isEmpty = change.set.size + change.removed.size + Object.keys(change.attributes).length === 0;
      if (isEmpty) return image;
      await saveChange(tx, image.id, change);
      return await getImage(tx, image.id, caller.projectId);
    });
  }

  async delete(caller: Caller, id: string): Promise<void> {
    const { policy, stores } = this.#shop.settings();
    const stagingStore = stores.staging.kind === 'store' ? stores.staging.storeId : STAGING;
    const unknown = (): Error => notFound('IMAGE_UNKNOWN', `Failed to find image ${id} to delete`);
    await withImage(
      this.#shop,
      caller,
      id,
      async (image, tx) => {
        policy.requireOn('delete_image', caller, image);
        if (image.protected) {
          throw forbidden('IMAGE_PROTECTED', `Image ${id} is protected and cannot be deleted.`);
        }
        requireDeletable(image.status);
        await deleteImage(tx, image, stagingStore);
      },
      unknown,
    );
    this.#shop.events.deleted(id, caller);
  }

  async setActive(caller: Caller, id: string, isActive: boolean): Promise<void> {
    const { policy } = this.#shop.settings();
    const action = isActive ? 'reactivate' : 'deactivate';
    await withImage(this.#shop, caller, id, async (image, tx) => {
      policy.requireOn(action, caller, image);
      requireActivation(action, image.status);
      const to = isActive ? 'active' : 'deactivated';
      if (image.status !== to) await moveStatus(tx, id, image.status, to);
    });
  }

  async addTag(caller: Caller, id: string, tag: string): Promise<void> {
    if (Array.from(tag).length > LONGEST_TAG)
      throw invalid('TAG_INVALID', `A tag must not be longer than ${LONGEST_TAG} characters.`);
    requirePlainText('tag', tag);
    const { policy, quotas } = this.#shop.settings();
    await withImage(
      this.#shop,
      caller,
      id,
      async (image, tx) => {
        policy.requireOn('modify_image', caller, image);
        if (image.tags.includes(tag)) return;
        const attempted = image.tags.length + 1;
        if (isOver(attempted, quotas.tags)) throw singleTagOverQuota(id, attempted, quotas.tags);
        await addTags(tx, id, [tag]);
        await touch(tx, id);
      },
      imageNotFound,
    );
  }

  async removeTag(caller: Caller, id: string, tag: string): Promise<void> {
    const { policy } = this.#shop.settings();
    await withImage(
      this.#shop,
      caller,
      id,
      async (image, tx) => {
        policy.requireOn('modify_image', caller, image);
        if (!image.tags.includes(tag)) throw resourceUnknown();
        await tx.deleteFrom('tags').where('image_id', '=', id).where('tag', '=', tag).execute();
        await touch(tx, id);
      },
      imageNotFound,
    );
  }

  async #marker(caller: Caller, id: string): Promise<FoundImage> {
    const image = IMAGE_ID.test(id) ? await this.#shop.records.find(id, caller.projectId) : undefined;
    if (!image || !this.#shop.settings().policy.maySee(caller, image))
      throw invalid('MARKER_UNKNOWN', `No image found with ID ${id}`);
    return image;
  }
}

/** As members and tags say it. */
export const imageNotFound = (id: string): Error => notFound('IMAGE_UNKNOWN', `Image ${id} not found.`);

/** The general words of 404. */
export const resourceUnknown = (): Error => notFound('RESOURCE_UNKNOWN', 'The resource could not be found.');
