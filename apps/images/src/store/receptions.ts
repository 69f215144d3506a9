import { randomUUID } from 'node:crypto';
import { sql, type Kysely } from 'kysely';
import { notFound } from '@hallmark/errors';
import type { InjectionDecision } from '../domain/injection.ts';
import type { ImageData, ImageStatus } from '../domain/image.ts';
import { imageUnknown } from '../domain/policy/policy.ts';
import { requireLocationQuota, type Quotas } from '../domain/quota.ts';
import { requireFormats, illegalTransition } from '../domain/status.ts';
import type { Database } from '@hallmark/postgres';
import { adoptBlob, type Blob } from './blobs.ts';
import type { FoundImage } from './image-rows.ts';
import { ImageRecords, moveStatus } from './image-records.ts';
import { applyInjection } from './injection-writes.ts';
import { requireRoom } from './storage-room.ts';
import type { Tables } from './tables.ts';

/** Data of an image on its way in through the data listener. */
export interface Reception {
  readonly imageId: string;
  readonly owner: string;
  readonly image: FoundImage;
}

type Receiving = 'saving' | 'uploading';

/** Images that receive data: one sender at a time, who shows signs of life. */
export class Receptions {
  readonly #db: Database<Tables>;
  readonly #records: ImageRecords;

  constructor(db: Database<Tables>) {
    this.#db = db;
    this.#records = new ImageRecords(db);
  }

  /** @throws HallmarkError `STATUS_TRANSITION`, `FORMATS_UNSET`, `IMAGE_UNKNOWN` */
  async begin(imageId: string, to: Receiving, leaseSeconds: number): Promise<Reception> {
    const owner = randomUUID();
    const image = await this.#records.locked(imageId, '', async (found, tx) => {
      if (found.status !== 'queued') throw illegalTransition(found.status, to);
      requireFormats(to, found);
      await moveStatus(tx, imageId, 'queued', to, { transfer: { owner, leaseSeconds } });
      return found;
    });
    if (!image) throw imageUnknown(imageId);
    return { imageId, owner, image };
  }

  /** False: the image is gone, or somebody took the sender for dead. */
  async renew({ imageId, owner }: Reception, leaseSeconds: number): Promise<boolean> {
    const { numUpdatedRows } = await this.#db.kysely
      .updateTable('images')
      .set({ transfer_until: sql<Date>`now() + ${leaseSeconds} * interval '1 second'` })
      .where('id', '=', imageId)
      .where('transfer_owner', '=', owner)
      .where('deleted_at', 'is', null)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** The data is in its store: the image is active. @throws HallmarkError `IMAGE_VANISHED`, quotas */
  async activate(
    reception: Reception,
    blob: Blob,
    data: ImageData,
    { injection, quotas }: ActivationTerms,
  ): Promise<void> {
    await this.#ended(reception, 'saving', async (image, tx) => {
      requireLocationQuota(image.locations.length + 1, quotas.locations);
      await requireRoom(tx, image.owner, data.size ?? 0, quotas.projectStorage);
      await adoptBlob(tx, blob);
      await tx
        .insertInto('locations')
        .values({ image_id: image.id, store_id: blob.storeId, url: blob.url })
        .execute();
      if (injection) await applyInjection(tx, image, injection, quotas.properties);
      await moveStatus(tx, image.id, 'saving', 'active', { ...data, transfer: null });
    });
  }

  /** The data waits for its import. */
  async staged(reception: Reception, blob: Blob, size: number): Promise<void> {
    await this.#ended(reception, 'uploading', async (image, tx) => {
      await adoptBlob(tx, blob);
      await moveStatus(tx, image.id, 'uploading', 'uploading', { size, stagedKey: blob.url, transfer: null });
    });
  }

  /** The image is queued again, if it is still this reception that it waits for. */
  async abandon({ imageId, owner }: Reception, from: Receiving): Promise<void> {
    await this.#records.locked(imageId, '', async (image, tx) => {
      if (image.status !== from || !(await isReceiving(tx, imageId, owner))) return;
      await moveStatus(tx, imageId, from, 'queued', { transfer: null });
    });
  }

  async #ended(
    { imageId, owner }: Reception,
    from: Receiving,
    work: (image: FoundImage, tx: Parameters<Parameters<ImageRecords['locked']>[2]>[1]) => Promise<void>,
  ): Promise<void> {
    const done = await this.#records.locked(imageId, '', async (image, tx) => {
      if (image.status !== from || !(await isReceiving(tx, imageId, owner))) return false;
      await work(image, tx);
      return true;
    });
    if (done !== true)
      throw notFound(
        'IMAGE_VANISHED',
        `Image ${imageId} could not be found after upload. The image may have been deleted during the upload.`,
      );
  }
}

export interface ActivationTerms {
  readonly injection: InjectionDecision | undefined;
  readonly quotas: Pick<Quotas, 'properties' | 'locations' | 'projectStorage'>;
}

async function isReceiving(db: Kysely<Tables>, imageId: string, owner: string): Promise<boolean> {
  const row = await db
    .selectFrom('images')
    .select('id')
    .where('id', '=', imageId)
    .where('transfer_owner', '=', owner)
    .executeTakeFirst();
  return row !== undefined;
}

/** Images whose sender has died are queued again; their number. */
export async function endDeadReceptions(db: Kysely<Tables>, limit: number): Promise<number> {
  const statuses: readonly ImageStatus[] = ['saving', 'uploading'];
  const { numUpdatedRows } = await db
    .updateTable('images')
    .set({
      status: 'queued',
      size: null,
      transfer_owner: null,
      transfer_until: null,
      updated_at: sql<Date>`now()`,
    })
    .where('id', 'in', (eb) =>
      eb
        .selectFrom('images')
        .select('id')
        .where('transfer_until', '<=', sql<Date>`now()`)
        .where('status', 'in', statuses)
        .limit(limit)
        .forUpdate()
        .skipLocked(),
    )
    .executeTakeFirst();
  return Number(numUpdatedRows);
}
