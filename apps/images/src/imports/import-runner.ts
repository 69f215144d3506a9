import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { HallmarkError, unavailable } from '@hallmark/errors';
import type { Database } from '@hallmark/postgres';
import type { DigestThreads } from '../bytes/digest-threads.ts';
import type { Intake } from '../bytes/intake.ts';
import type { ImagesSettings } from '../settings/images-settings.ts';
import { IMPORT_METHODS } from '../settings/images-settings.ts';
import { ImportWrites, TaskLost, type ImportPlan, type ImportTerms } from '../store/import-writes.ts';
import type { ClaimedTask, TaskWork } from '../store/task-work.ts';
import type { Tables } from '../store/tables.ts';
import type { StoreSet } from '../stores/store-set.ts';
import { ImportFlow } from './import-flow.ts';
import type { ImportEvents } from './import-events.ts';
import { Progress } from './progress.ts';
import { faultOf, isDatabaseAway } from './verdict.ts';
import type { WebDownload } from './web-download/web-download.ts';

export interface ImportRunnerOptions {
  readonly db: Database<Tables>;
  readonly work: TaskWork;
  readonly stores: StoreSet;
  readonly intake: Intake;
  readonly digestThreads: DigestThreads;
  readonly web: WebDownload;
  readonly settings: () => ImagesSettings;
  readonly events: ImportEvents;
}

/** Begun, and begun again after its process has died. An image that kills its importers stops there. */
const MAX_ATTEMPTS = 3;
const DATABASE_PAUSE_MS = 500;

/** The part of a request that the flow needs. It was understood before it was written down. */
const Request = z.object({
  method: z.object({ name: z.enum(IMPORT_METHODS) }),
  all_stores_must_succeed: z.boolean().default(true),
});

/** Does an import from its claim to its end, whatever that is. */
export class ImportRunner {
  readonly #options: ImportRunnerOptions;
  readonly #writes: ImportWrites;

  constructor(options: ImportRunnerOptions) {
    this.#options = options;
    this.#writes = new ImportWrites(options.db);
  }

  /** Returns when the task has ended or is somebody else's. Throws when this process is to end. */
  async run(task: ClaimedTask, signal: AbortSignal): Promise<void> {
    const { events } = this.#options;
    events.takenUp(task);
    const startedAt = performance.now();
    try {
      const bytes = await this.#untilDatabaseAnswers(task, signal, () => this.#attempt(task, signal));
      events.imported(task, bytes, performance.now() - startedAt);
    } catch (thrown) {
      await this.#ended(task, signal, signal.aborted ? signal.reason : thrown);
    }
  }

  async #ended(task: ClaimedTask, signal: AbortSignal, thrown: unknown): Promise<void> {
    const { events, settings } = this.#options;
    if (thrown instanceof TaskLost) {
      events.discarded(task);
      return;
    }
    // This process ends: the import goes on elsewhere.
    if (signal.aborted && !(thrown instanceof HallmarkError)) throw thrown;
    const fault = faultOf(thrown);
    try {
      const terms = termsOf(settings(), this.#options.stores);
      const stores = storesOf(task, settings());
      const status = await this.#untilDatabaseAnswers(task, undefined, () =>
        this.#writes.fail({ task, stores }, terms, fault),
      );
      events.failed(task, fault, status, thrown);
    } catch (error) {
      if (!(error instanceof TaskLost)) throw error;
      events.discarded(task);
    }
  }

  async #attempt(task: ClaimedTask, signal: AbortSignal): Promise<number> {
    const { settings, stores, work } = this.#options;
    if (task.attempt > MAX_ATTEMPTS)
      throw unavailable(
        'WORKER_DIED',
        `The import was begun ${MAX_ATTEMPTS} times, and each time the process that did it ended.`,
      );
    const now = settings();
    const request = Request.parse(task.input.import_req);
    const plan: ImportPlan = {
      task,
      method: request.method.name,
      stores: storesOf(task, now),
      allMustSucceed: request.all_stores_must_succeed,
    };
    const progress = new Progress(task, work);
    const { db, intake, digestThreads, web, events } = this.#options;
    const terms = termsOf(now, stores);
    const flow = new ImportFlow({
      db,
      intake,
      digestThreads,
      web,
      events,
      stores,
      plan,
      terms,
      progress,
      settings: now,
      writes: this.#writes,
    });
    await flow.run(signal);
    return progress.done;
  }

  /** A commit of which nobody knows may be repeated: if it was done, the task is no longer ours. */
  async #untilDatabaseAnswers<T>(
    task: ClaimedTask,
    signal: AbortSignal | undefined,
    work: () => Promise<T>,
  ): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (thrown) {
        if (!isDatabaseAway(thrown)) throw thrown;
        this.#options.events.waitsForDatabase(task, thrown);
        await wait(DATABASE_PAUSE_MS, undefined, { signal });
      }
    }
  }
}

const storesOf = ({ input }: ClaimedTask, { stores }: ImagesSettings): string[] =>
  input.backend.map((id) => id ?? stores.defaultStore);

const termsOf = (
  { quotas, taskTtlHours, stores: { isMultiStore } }: ImagesSettings,
  stores: StoreSet,
): ImportTerms => ({
  propertyQuota: quotas.properties,
  locationQuota: quotas.locations,
  projectStorage: quotas.projectStorage,
  ttlHours: taskTtlHours,
  isMultiStore,
  stagingStore: stores.staging.id,
});
