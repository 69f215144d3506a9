import { randomUUID } from 'node:crypto';
import { sql, type Kysely, type Transaction } from 'kysely';
import { isUniqueViolation, type Database } from '@hallmark/postgres';
import { conflict } from '@hallmark/errors';
import type { ImageDraft } from '../domain/create.ts';
import type { ImageAttributes, ImageData, ImageStatus } from '../domain/image.ts';
import type { ImageChange } from '../domain/patch-apply.ts';
import { illegalTransition, requireTransition } from '../domain/status.ts';
import { selectImages, type FoundImage } from './image-rows.ts';
import type { Tables } from './tables.ts';

export type ImagesTransaction = Transaction<Tables>;
type Executor = Kysely<Tables>;

const NOW = sql<Date>`now()`;

/** Images, one at a time. Whatever changes one locks its row first, so that counts hold. */
export class ImageRecords {
  readonly #db: Database<Tables>;

  constructor(db: Database<Tables>) {
    this.#db = db;
  }

  /** The image, unless it is deleted; `viewerProject` is whose membership is looked up. */
  async find(id: string, viewerProject: string): Promise<FoundImage | undefined> {
    return await findImage(this.#db.kysely, id, viewerProject);
  }

  /** @throws HallmarkError `IMAGE_EXISTS`, also for an id of a deleted image. */
  async insert(draft: ImageDraft): Promise<FoundImage> {
    const id = draft.id ?? randomUUID();
    try {
      return await this.#db.transaction(async (tx) => {
        await tx
          .insertInto('images')
          .values({
            id,
            status: 'queued',
            ...columnsOf(draft),
            size: null,
            virtual_size: null,
            checksum: null,
            hash_algo: null,
            hash_value: null,
            staged_key: null,
            transfer_owner: null,
            transfer_until: null,
            deleted_at: null,
          })
          .execute();
        await putProperties(tx, id, draft.properties, false);
        await addTags(tx, id, draft.tags);
        return await getImage(tx, id, draft.owner ?? '');
      });
    } catch (error) {
      if (isUniqueViolation(error, 'images_pkey')) throw imageExists(id, error);
      throw error;
    }
  }

  /**
   * Does `work` with the image while nobody else can change it. Undefined when there is none. What
   * `work` throws undoes everything.
   */
  async locked<T>(
    id: string,
    viewerProject: string,
    work: (image: FoundImage, tx: ImagesTransaction) => Promise<T>,
  ): Promise<T | undefined> {
    return await this.#db.transaction(async (tx) => {
      // Locked by itself first: the statement that reads the whole then sees what others committed.
      const { rows } = await sql`
        SELECT FROM images WHERE id = ${id} AND deleted_at IS NULL FOR UPDATE
      `.execute(tx);
      const image = rows.length === 0 ? undefined : await findImage(tx, id, viewerProject);
      return image && (await work(image, tx));
    });
  }
}

const imageExists = (id: string, cause: unknown): Error =>
  conflict('IMAGE_EXISTS', `Image ID ${id} already exists!`, { cause });

export async function findImage(
  db: Executor,
  id: string,
  viewerProject: string,
): Promise<FoundImage | undefined> {
  const [image] = await selectImages(db, viewerProject, sql`WHERE i.id = ${id} AND i.deleted_at IS NULL`);
  return image;
}

/** The image, which must be there. */
export async function getImage(db: Executor, id: string, viewerProject: string): Promise<FoundImage> {
  const image = await findImage(db, id, viewerProject);
  if (!image) throw new Error(`Image ${id} is gone from its own transaction.`);
  return image;
}

/** Writes what changed and nothing else, so that what a user can't read stays. The row is locked. */
export async function saveChange(tx: ImagesTransaction, id: string, change: ImageChange): Promise<void> {
  const { attributes, set, removed } = change;
  await tx
    .updateTable('images')
    .set({ ...columnsOf(attributes), updated_at: NOW })
    .where('id', '=', id)
    .execute();
  if (removed.size > 0) {
    await tx
      .deleteFrom('properties')
      .where('image_id', '=', id)
      .where('name', 'in', [...removed])
      .execute();
  }
  await putProperties(tx, id, set, false);
  if (attributes.tags) {
    await tx.deleteFrom('tags').where('image_id', '=', id).execute();
    await addTags(tx, id, attributes.tags);
  }
}

/** Sets properties, new or not. The row of the image is locked. */
export async function putProperties(
  tx: ImagesTransaction,
  id: string,
  properties: ReadonlyMap<string, string>,
  injected: boolean,
): Promise<void> {
  if (properties.size === 0) return;
  await tx
    .insertInto('properties')
    .values([...properties].map(([name, value]) => ({ image_id: id, name, value, injected })))
    .onConflict((existing) =>
      existing.columns(['image_id', 'name']).doUpdateSet((row) => ({
        value: row.ref('excluded.value'),
        injected: row.ref('excluded.injected'),
      })),
    )
    .execute();
}

export async function addTags(tx: ImagesTransaction, id: string, tags: readonly string[]): Promise<void> {
  if (tags.length === 0) return;
  await tx
    .insertInto('tags')
    .values(tags.map((tag) => ({ image_id: id, tag })))
    .onConflict((existing) => existing.doNothing())
    .execute();
}

/** The image has changed in a table beside its own. */
export async function touch(tx: ImagesTransaction, id: string): Promise<void> {
  await tx.updateTable('images').set({ updated_at: NOW }).where('id', '=', id).execute();
}

/** What goes with a change of status. */
export interface StatusChange extends Partial<ImageData> {
  readonly stagedKey?: string | null;
  /** Who receives its data now, and for how long without a sign of life; null ends that. */
  readonly transfer?: { readonly owner: string; readonly leaseSeconds: number } | null;
}

/**
 * Moves an image from one status to another, if that is the one it has.
 *
 * @throws HallmarkError `STATUS_TRANSITION`
 */
export async function moveStatus(
  db: Executor,
  id: string,
  from: ImageStatus,
  to: ImageStatus,
  { stagedKey, transfer, ...data }: StatusChange = {},
): Promise<void> {
  if (from !== to) requireTransition(from, to);
  // A queued image has no data, whatever was said of it before.
  const none: ImageData = { size: null, virtualSize: null, checksum: null, hashAlgo: null, hashValue: null };
  const { numUpdatedRows } = await db
    .updateTable('images')
    .set({
      status: to,
      ...dataColumns(to === 'queued' ? none : data),
      ...(stagedKey !== undefined && { staged_key: stagedKey }),
      ...(transfer !== undefined && {
        transfer_owner: transfer?.owner ?? null,
        transfer_until: transfer && sql<Date>`now() + ${transfer.leaseSeconds} * interval '1 second'`,
      }),
      updated_at: NOW,
    })
    .where('id', '=', id)
    .where('status', '=', from)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) throw illegalTransition(from, to);
}

/** Deletes an image. Its data is removed from the stores afterwards, by whoever comes by `removals`. */
export async function deleteImage(
  tx: ImagesTransaction,
  image: FoundImage,
  stagingStore: string,
): Promise<void> {
  const { id } = image;
  const copies = [
    ...image.locations.map(({ storeId, url }) => ({ store_id: storeId, url })),
    ...(image.stagedKey === null ? [] : [{ store_id: stagingStore, url: image.stagedKey }]),
  ];
  if (copies.length > 0) await tx.insertInto('removals').values(copies).execute();
  for (const table of ['properties', 'tags', 'members', 'locations'] as const) {
    await tx.deleteFrom(table).where('image_id', '=', id).execute();
  }
  await tx
    .updateTable('images')
    .set({
      status: 'deleted',
      deleted_at: NOW,
      updated_at: NOW,
      staged_key: null,
      transfer_owner: null,
      transfer_until: null,
    })
    .where('id', '=', id)
    .execute();
}

function columnsOf(attributes: Partial<ImageAttributes>) {
  const { name, visibility, hidden, owner, containerFormat, diskFormat, minDisk, minRam } = attributes;
  return definedOnly({
    name,
    visibility,
    protected: attributes.protected,
    hidden,
    owner,
    container_format: containerFormat,
    disk_format: diskFormat,
    min_disk: minDisk,
    min_ram: minRam,
  });
}

function dataColumns({ size, virtualSize, checksum, hashAlgo, hashValue }: Partial<ImageData>) {
  return definedOnly({
    size,
    virtual_size: virtualSize,
    checksum,
    hash_algo: hashAlgo,
    hash_value: hashValue,
  });
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

function definedOnly<T extends object>(columns: T): Defined<T> {
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined)) as Defined<T>;
}
