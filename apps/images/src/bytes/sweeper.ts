import type { Database } from '@hallmark/postgres';
import { claimRemovals, forgetBlob, keepBlob, type Blob } from '../store/blobs.ts';
import { endDeadReceptions } from '../store/receptions.ts';
import { forgetTasks } from '../store/task-work.ts';
import type { Tables } from '../store/tables.ts';
import type { StoreSet } from '../stores/store-set.ts';
import type { BytesEvents } from './bytes-events.ts';

/** Few enough that a sweep keeps nobody waiting. */
const PER_SWEEP = 100;
const REMOVAL_LEASE_SECONDS = 120;
/** After a store has failed. */
const RETRY_SECONDS = 60;
/** Behind `[task] task_time_to_live`. */
const TASKS_KEPT_DAYS = 30;

/** Cleans up behind processes that have died, and removes the data of deleted images. */
export class Sweeper implements AsyncDisposable {
  readonly #db: Database<Tables>;
  readonly #stores: StoreSet;
  readonly #events: BytesEvents;
  readonly #pauseMs: number;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(db: Database<Tables>, stores: StoreSet, events: BytesEvents, pauseMs: number) {
    this.#db = db;
    this.#stores = stores;
    this.#events = events;
    this.#pauseMs = pauseMs;
    this.#schedule();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#running;
  }

  #schedule(): void {
    this.#timer = setTimeout(() => {
      this.#running = this.#sweep();
    }, this.#pauseMs);
  }

  async #sweep(): Promise<void> {
    const { kysely } = this.#db;
    try {
      this.#events.requeued(await endDeadReceptions(kysely, PER_SWEEP));
      for (const blob of await claimRemovals(kysely, PER_SWEEP, REMOVAL_LEASE_SECONDS))
        await this.#remove(blob);
      await forgetTasks(kysely, TASKS_KEPT_DAYS, PER_SWEEP);
    } catch (thrown) {
      this.#events.sweepFailed(thrown); // done again; PostgreSQL being down is told of elsewhere
    }
    if (this.#timer !== undefined) this.#schedule();
  }

  async #remove(blob: Blob): Promise<void> {
    const { kysely } = this.#db;
    try {
      // A store may be slow, and this one the last of a hundred.
      if (!(await keepBlob(kysely, blob, REMOVAL_LEASE_SECONDS))) return;
      await this.#stores.get(blob.storeId).remove(blob.url);
    } catch (thrown) {
      this.#events.notRemoved(blob.storeId, thrown);
      await keepBlob(kysely, blob, RETRY_SECONDS);
      return;
    }
    await forgetBlob(kysely, blob);
    this.#events.removed();
  }
}
