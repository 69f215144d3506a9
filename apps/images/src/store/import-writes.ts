import { conflict, notFound, notReady, type HallmarkError } from '@hallmark/errors';
import type { Database } from '@hallmark/postgres';
import type { Door } from '../domain/injection.ts';
import type { ImageData, ImageStatus } from '../domain/image.ts';
import { requireLocationQuota } from '../domain/quota.ts';
import { adoptBlob, discardData, type Blob } from './blobs.ts';
import type { FoundImage } from './image-rows.ts';
import { ImageRecords, moveStatus, putProperties, touch, type ImagesTransaction } from './image-records.ts';
import { applyInjection, requireInjectable } from './injection-writes.ts';
import { requireRoom } from './storage-room.ts';
import type { Tables } from './tables.ts';
import { endTask, holdTask, type ClaimedTask } from './task-work.ts';

/** An import as it was asked for. */
export interface ImportPlan {
  readonly task: ClaimedTask;
  readonly method: Exclude<Door, 'upload'>;
  /** In the order in which they are filled. */
  readonly stores: readonly string[];
  readonly allMustSucceed: boolean;
}

export interface ImportTerms {
  readonly propertyQuota: number;
  readonly locationQuota: number;
  readonly projectStorage: number;
  readonly ttlHours: number;
  /** Progress is told in names of stores, which clients know only when there are several. */
  readonly isMultiStore: boolean;
  /** Where staged data is. */
  readonly stagingStore: string;
}

/** Somebody else has the task, or it has ended. Nothing that was done here counts. */
export class TaskLost extends Error {
  override readonly name = 'TaskLost';
}

export const cancelled = (): HallmarkError => conflict('CANCELLED', 'The import was cancelled.');

export const imageVanished = (id: string): HallmarkError =>
  notFound('IMAGE_VANISHED', `Image ${id} was deleted.`);

const TASK = 'os_glance_import_task';
const IMPORTING = 'os_glance_importing_to_stores';
const FAILED = 'os_glance_failed_import';

/** The steps of an import in the database, each in one transaction that makes sure that the task is still ours. */
export class ImportWrites {
  readonly #db: Database<Tables>;
  readonly #records: ImageRecords;

  constructor(db: Database<Tables>) {
    this.#db = db;
    this.#records = new ImageRecords(db);
  }

  /**
   * The image is being imported from now on, or still is, when an earlier worker has died. Everything
   * that can be known before the first byte is checked.
   */
  async begin({ task, method, stores }: ImportPlan, terms: ImportTerms): Promise<FoundImage> {
    return await this.#withImage(task, async (image, tx) => {
      const left = stores.filter((id) => !holds(image, id));
      requireReady(image, method);
      if (left.length > 0) requireLocationQuota(image.locations.length + left.length, terms.locationQuota);
      if (image.status !== 'active' && task.injection)
        requireInjectable(image, task.injection, terms.propertyQuota);
      if (method !== 'web-download')
        await requireRoom(tx, image.owner, (image.size ?? 0) * left.length, terms.projectStorage);
      if (image.status === 'queued' || image.status === 'uploading')
        await moveStatus(tx, image.id, image.status, 'importing');
      await tell(tx, image, terms, left, (failed) => failed.filter((id) => !stores.includes(id)));
      return image;
    });
  }

  /** Which stores are still to be filled, and which failed. */
  async progress(
    { task }: ImportPlan,
    terms: ImportTerms,
    left: readonly string[],
    failedNow: readonly string[],
  ): Promise<void> {
    await this.#withImage(task, (image, tx) =>
      tell(tx, image, terms, left, (failed) => [...failed, ...failedNow]),
    );
  }

  /** Copies become the image's, which is active with the first of them. */
  async keep(
    { task }: ImportPlan,
    terms: ImportTerms,
    {
      copies,
      data,
      formats,
      left,
      ends,
    }: {
      copies: readonly Blob[];
      data: ImageData;
      /** As what the data was looked at. */
      formats: Pick<FoundImage, 'diskFormat' | 'containerFormat'>;
      left: readonly string[];
      ends: string | undefined;
    },
  ): Promise<void> {
    await this.#withImage(task, async (image, tx) => {
      if (image.status === 'importing') requireSameFormats(image, formats);
      requireLocationQuota(image.locations.length + copies.length, terms.locationQuota);
      await requireRoom(tx, image.owner, (data.size ?? 0) * copies.length, terms.projectStorage);
      for (const blob of copies) {
        await adoptBlob(tx, blob);
        await tx
          .insertInto('locations')
          .values({ image_id: image.id, store_id: blob.storeId, url: blob.url })
          .execute();
      }
      if (image.status === 'importing') {
        if (task.injection) await applyInjection(tx, image, task.injection, terms.propertyQuota);
        await moveStatus(tx, image.id, 'importing', 'active', data);
      }
      await tell(tx, image, terms, left, (failed) => failed);
      if (ends !== undefined) await finish(tx, task, image, terms, ends);
    });
  }

  /** Nothing is left to do, and some of it has been done. */
  async succeed({ task }: ImportPlan, terms: ImportTerms, message: string): Promise<void> {
    await this.#withImage(task, (image, tx) => finish(tx, task, image, terms, message));
  }

  /**
   * The import has failed: the image goes back to where it can be tried again, which is the result.
   * Undefined: there is no image any more.
   */
  async fail(
    { task, stores }: Pick<ImportPlan, 'task' | 'stores'>,
    terms: ImportTerms,
    fault: { readonly reason: string; readonly message: string },
  ): Promise<ImageStatus | undefined> {
    const { ttlHours } = terms;
    const end = async (tx: ImagesTransaction, message: string): Promise<void> =>
      await endTask(tx, task.id, { status: 'failure', ...fault, message, ttlHours });
    const found = await this.#records.locked(task.imageId, '', async (image, tx) => {
      if ((await holdTask(tx, task)) === 'lost') throw new TaskLost();
      const isUseless = USELESS_DATA.has(fault.reason);
      const keepsStaged = image.stagedKey !== null && !isUseless;
      const to = image.status === 'importing' ? (keepsStaged ? 'uploading' : 'queued') : image.status;
      if (image.status === 'importing') await moveStatus(tx, image.id, 'importing', to);
      if (to === 'queued') await dropStaged(tx, image, terms);
      const missing = stores.filter((id) => !holds(image, id));
      await tell(tx, image, terms, [], (failed) => [...failed, ...missing]);
      await unlock(tx, image.id);
      const afterwards = isUseless && to === 'queued' ? AFTER_USELESS_DATA : (AFTERWARDS[to] ?? '');
      await end(tx, `${fault.message} ${afterwards}`.trimEnd());
      return to;
    });
    if (found !== undefined) return found;
    await this.#db.transaction(async (tx) => {
      if ((await holdTask(tx, task)) === 'lost') throw new TaskLost();
      await end(tx, fault.message);
    });
    return undefined;
  }

  /** @throws HallmarkError `CANCELLED`, `IMAGE_VANISHED`; TaskLost */
  async #withImage<T>(
    task: ClaimedTask,
    work: (image: FoundImage, tx: ImagesTransaction) => Promise<T>,
  ): Promise<T> {
    const done = await this.#records.locked(task.imageId, '', async (image, tx) => {
      const hold = await holdTask(tx, task);
      if (hold === 'lost') throw new TaskLost();
      if (hold === 'cancelled') throw cancelled();
      return { result: await work(image, tx) };
    });
    if (!done) throw imageVanished(task.imageId);
    return done.result;
  }
}

/** What a failure leaves, for whoever wants to try again. */
const AFTERWARDS: Partial<Record<ImageStatus, string>> = {
  uploading: 'The image is uploading again and its staged data is kept: it can be imported again.',
  queued: 'The image is queued again and has no data: it can be imported again.',
  active: 'The image stays active, with the copies that it has.',
};

/** Failures that the same data would bring again: it is not kept, so that formats and data can be set anew. */
const USELESS_DATA: ReadonlySet<string> = new Set(['CONTENT_MISMATCH', 'CONTENT_UNSAFE']);
const AFTER_USELESS_DATA =
  'The image is queued again without this data: its disk_format can be changed, and other data imported.';

const holds = ({ locations }: FoundImage, storeId: string): boolean =>
  locations.some((location) => location.storeId === storeId);

/** In a state in which this import may begin, or in which an earlier attempt at it has left the image. */
function requireReady(image: FoundImage, method: ImportPlan['method']): void {
  const { status, stagedKey } = image;
  const isUnderWay = status === 'importing' || (status === 'active' && storesIn(image, IMPORTING).length > 0);
  const lacksData = method === 'glance-direct' && status !== 'active' && stagedKey === null;
  if ((status !== BEGINS_FROM[method] && !isUnderWay) || lacksData)
    throw notReady('IMAGE_NOT_READY', `The image is ${status}, from which ${method} cannot begin.`);
}

/** Users may change them meanwhile, and then nobody has looked whether the data is what they say now. */
function requireSameFormats(
  image: FoundImage,
  { diskFormat, containerFormat }: Pick<FoundImage, 'diskFormat' | 'containerFormat'>,
): void {
  if (image.diskFormat !== diskFormat || image.containerFormat !== containerFormat)
    throw conflict('FORMATS_CHANGED', 'The formats of the image were changed while it was imported.');
}

const BEGINS_FROM: Readonly<Record<ImportPlan['method'], ImageStatus>> = {
  'glance-direct': 'uploading',
  'web-download': 'queued',
  'copy-image': 'active',
};

const storesIn = ({ properties }: FoundImage, list: string): string[] =>
  (properties.get(list)?.value ?? '').split(',').filter((id) => id !== '');

/** Writes what clients wait for. Both lists are there afterwards, empty in a deployment of one store. */
async function tell(
  tx: ImagesTransaction,
  image: FoundImage,
  { isMultiStore }: ImportTerms,
  left: readonly string[],
  failed: (before: string[]) => readonly string[],
): Promise<void> {
  const list = (ids: readonly string[]): string =>
    isMultiStore ? [...new Set(ids)].toSorted().join(',') : '';
  await putProperties(
    tx,
    image.id,
    new Map([
      [IMPORTING, list(left)],
      [FAILED, list(failed(storesIn(image, FAILED)))],
    ]),
    false,
  );
  await touch(tx, image.id);
}

async function finish(
  tx: ImagesTransaction,
  task: ClaimedTask,
  image: FoundImage,
  terms: ImportTerms,
  message: string,
): Promise<void> {
  await dropStaged(tx, image, terms);
  await unlock(tx, image.id);
  await endTask(tx, task.id, { status: 'success', message, reason: '', ttlHours: terms.ttlHours });
}

async function dropStaged(
  tx: ImagesTransaction,
  { id, stagedKey }: FoundImage,
  { stagingStore }: ImportTerms,
): Promise<void> {
  if (stagedKey === null) return;
  await discardData(tx, stagingStore, stagedKey);
  await tx.updateTable('images').set({ staged_key: null }).where('id', '=', id).execute();
}

async function unlock(tx: ImagesTransaction, imageId: string): Promise<void> {
  await tx.deleteFrom('properties').where('image_id', '=', imageId).where('name', '=', TASK).execute();
}
