import { HallmarkError, unavailable } from '@hallmark/errors';
import type { Database } from '@hallmark/postgres';
import type { DigestThreads } from '../bytes/digest-threads.ts';
import type { Intake } from '../bytes/intake.ts';
import { meterFor } from '../bytes/reception-work.ts';
import type { ImageData } from '../domain/image.ts';
import type { ImagesSettings } from '../settings/images-settings.ts';
import type { Blob } from '../store/blobs.ts';
import type { FoundImage } from '../store/image-rows.ts';
import type { ImportPlan, ImportTerms, ImportWrites } from '../store/import-writes.ts';
import type { Tables } from '../store/tables.ts';
import type { StoreSet } from '../stores/store-set.ts';
import type { ImportEvents } from './import-events.ts';
import type { Progress } from './progress.ts';
import { copiesSource, stagedSource, webSource, type Source } from './sources.ts';
import { isDatabaseAway } from './verdict.ts';
import type { WebDownload } from './web-download/web-download.ts';

export interface ImportFlowOptions {
  readonly db: Database<Tables>;
  readonly intake: Intake;
  readonly digestThreads: DigestThreads;
  readonly web: WebDownload;
  readonly events: ImportEvents;
  readonly stores: StoreSet;
  readonly writes: ImportWrites;
  readonly plan: ImportPlan;
  readonly terms: ImportTerms;
  readonly settings: ImagesSettings;
  readonly progress: Progress;
}

/** A copy in a store, and what was learnt when it was made. */
interface Copy {
  readonly blob: Blob;
  readonly data: ImageData;
}

/**
 * One attempt at an import. Data goes from its source into the first store, and from there, or from the
 * staging area, into the others: what comes over the web is fetched once and never stored twice.
 */
export class ImportFlow {
  readonly #options: ImportFlowOptions;

  constructor(options: ImportFlowOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { writes, plan, terms } = this.#options;
    const image = await writes.begin(plan, terms);
    const left = plan.stores.filter((id) => !image.locations.some(({ storeId }) => storeId === id));
    await (plan.allMustSucceed ? this.#intoAll(image, left, [], signal) : this.#intoAny(image, left, signal));
  }

  /** Store after store, each inside the other's success: when one fails, none keeps its copy. */
  async #intoAll(
    image: FoundImage,
    left: readonly string[],
    copies: readonly Copy[],
    signal: AbortSignal,
  ): Promise<void> {
    const { writes, plan, terms, progress } = this.#options;
    const [storeId, ...others] = left;
    if (storeId === undefined) {
      await this.#keep(image, copies, [], progress.message);
      return;
    }
    await this.#copy(image, storeId, copies, signal, async (copy) => {
      if (others.length > 0) await writes.progress(plan, terms, others, []);
      await this.#intoAll(image, others, [...copies, copy], signal);
    });
  }

  /** Each store for itself: the image is active with the first success. */
  async #intoAny(image: FoundImage, stores: readonly string[], signal: AbortSignal): Promise<void> {
    const { writes, plan, terms, progress, events } = this.#options;
    const copies: Copy[] = [];
    let failure: unknown;
    for (const [index, storeId] of stores.entries()) {
      const left = stores.slice(index + 1);
      try {
        await this.#copy(image, storeId, copies, signal, async (copy) => {
          await this.#keep(image, [copy], left, left.length === 0 ? progress.message : undefined);
          copies.push(copy);
        });
      } catch (thrown) {
        signal.throwIfAborted();
        if (isFinal(thrown)) throw thrown;
        failure = thrown;
        events.storeFailed(plan.task, storeId, thrown);
        await writes.progress(plan, terms, left, [storeId]);
        // The last one has failed: the task ends with what there is.
        if (left.length === 0 && copies.length > 0) await writes.succeed(plan, terms, progress.message);
      }
    }
    if (copies.length === 0) {
      if (stores.length > 0) throw failure;
      await writes.succeed(plan, terms, progress.message);
    }
  }

  async #keep(
    image: FoundImage,
    copies: readonly Copy[],
    left: readonly string[],
    ends: string | undefined,
  ): Promise<void> {
    const { writes, plan, terms, progress } = this.#options;
    const [first] = copies;
    await progress.write();
    if (!first) {
      await writes.succeed(plan, terms, progress.message);
      return;
    }
    const blobs = copies.map(({ blob }) => blob);
    await writes.keep(plan, terms, { copies: blobs, data: first.data, formats: image, left, ends });
  }

  /** Fills one store and hands the copy on; it is removed when that fails. */
  async #copy(
    image: FoundImage,
    storeId: string,
    made: readonly Copy[],
    signal: AbortSignal,
    use: (copy: Copy) => Promise<void>,
  ): Promise<void> {
    const { stores, intake, digestThreads, progress, plan, db, settings } = this.#options;
    const { data, size } = await this.#source(image, made).open(signal);
    try {
      if (size !== undefined) progress.total = size * plan.stores.length;
      const meter = await meterFor(settings, db, image, {
        expected: size ?? null,
        // A copy of what is there already need not be what is allowed today.
        inspects: plan.method !== 'copy-image',
        digestedBy: digestThreads,
        onBytes: (count) => progress.add(count),
      });
      const incoming = { imageId: image.id, data: meter.measure(data), size, signal };
      await intake.take(stores.get(storeId), incoming, async (blob) => {
        progress.total = meter.size * plan.stores.length;
        const learnt = meter.result();
        requireSame(made[0]?.data ?? image, learnt);
        await use({ blob, data: learnt });
      });
    } finally {
      await data.return();
    }
  }

  #source(image: FoundImage, made: readonly Copy[]): Source {
    const { stores, web, plan, events } = this.#options;
    const onFailure = (storeId: string, thrown: unknown): void =>
      events.copyFailed(image.id, storeId, thrown);
    if (plan.method === 'glance-direct' && image.stagedKey !== null) return stagedSource(stores, image);
    const copies = [...image.locations, ...made.map(({ blob }) => blob)];
    if (copies.length > 0)
      return copiesSource(stores, copies, made[0]?.data.size ?? image.size ?? 0, onFailure);
    return webSource(web, plan.task.sourceUri ?? '');
  }
}

/** What another store would not make better: the image, the task, the quota, the source, PostgreSQL. */
const FINAL: ReadonlySet<string> = new Set([
  'CANCELLED',
  'CONTENT_MISMATCH',
  'CONTENT_UNSAFE',
  'FORMATS_CHANGED',
  'IMAGE_VANISHED',
  'LOCATION_QUOTA',
  'PROPERTY_QUOTA',
  'SIZE_CAP',
  'STORAGE_QUOTA',
  'URI_REFUSED',
]);

const isFinal = (thrown: unknown): boolean =>
  !(thrown instanceof HallmarkError) || FINAL.has(thrown.reason) || isDatabaseAway(thrown);

/** A copy that differs from what the image is known to be is none. */
function requireSame(known: Pick<ImageData, 'checksum' | 'hashAlgo' | 'hashValue'>, learnt: ImageData): void {
  const isSame =
    (known.checksum === null || known.checksum === learnt.checksum) &&
    (known.hashAlgo !== learnt.hashAlgo || known.hashValue === null || known.hashValue === learnt.hashValue);
  if (!isSame)
    throw unavailable(
      'COPY_CORRUPT',
      'What was read to be copied differs from what the image is known to be.',
    );
}
