import type { Logger } from '@hallmark/runtime';

/** Often enough that no sweep has much to do. */
const LONGEST_PAUSE_MS = 60_000;
const SHORTEST_PAUSE_MS = 100;

/** Sweeps now and then until it is disposed. */
export class Sweeper implements AsyncDisposable {
  readonly #sweep: () => Promise<void>;
  readonly #log: Logger;
  readonly #pauseMs: () => number;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  /** @param longestPauseMs asked before each pause: a reload may change it */
  constructor(sweep: () => Promise<void>, longestPauseMs: () => number, log: Logger) {
    this.#sweep = sweep;
    this.#log = log;
    this.#pauseMs = () => Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, longestPauseMs()));
    this.#schedule();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#running;
  }

  #schedule(): void {
    this.#timer = setTimeout(() => {
      this.#running = this.#once();
    }, this.#pauseMs()).unref();
  }

  async #once(): Promise<void> {
    try {
      await this.#sweep();
    } catch (err) {
      // It is done again; PostgreSQL being down is told of elsewhere.
      this.#log.debug({ err }, 'a sweep has failed');
    }
    if (this.#timer !== undefined) this.#schedule();
  }
}
