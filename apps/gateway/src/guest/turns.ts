import PQueue from 'p-queue';
import { unavailable } from './guest-failures.ts';

/** With the longest call after it still below the 32 s that Neutron's proxies wait. */
const LONGEST_WAIT_MS = 20_000;

/**
 * Lets so many calls through at a time; the others wait for their turn, in the order in which they came. When
 * hundreds of guests boot at once, all of them asking at once would make every call as slow as all together, and
 * run into time limits that are meant for a service which does not answer. No limit runs while a call waits here.
 */
export class Turns {
  readonly #queue: PQueue;

  constructor(atATime: number) {
    this.#queue = new PQueue({ concurrency: atATime });
  }

  /**
   * Makes the call when it is its turn.
   *
   * @throws HttpFailure 503 when that takes too long; the reason of `signal` when nobody wants it any more.
   */
  async take<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(unavailable('TOO_MANY_LOOKUPS')), LONGEST_WAIT_MS);
    const begin = async (): Promise<T> => {
      clearTimeout(timer);
      return await call();
    };
    try {
      return await this.#queue.add(begin, { signal: AbortSignal.any([signal, patience.signal]) });
    } finally {
      clearTimeout(timer);
    }
  }
}
