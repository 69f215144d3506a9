import { unavailable } from './guest-failures.ts';

/** With the longest call after it still below the 32 s that Neutron's proxies wait. */
const LONGEST_WAIT_MS = 20_000;

/**
 * Lets so many calls through at a time; the others wait for their turn, in the order in which they came. When
 * hundreds of guests boot at once, all of them asking at once would make every call as slow as all together, and
 * run into time limits that are meant for a service which does not answer. No limit runs while a call waits here.
 */
export class Turns {
  readonly #atATime: number;
  readonly #waiting = new Set<() => void>();
  #under = 0;

  constructor(atATime: number) {
    this.#atATime = atATime;
  }

  /**
   * Makes the call when it is its turn.
   *
   * @throws HttpFailure 503 when that takes too long; the reason of `signal` when nobody wants it any more.
   */
  async take<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    if (this.#under < this.#atATime) this.#under += 1;
    else await this.#wait(signal);
    try {
      return await call();
    } finally {
      this.#pass();
    }
  }

  /** Resolves when somebody hands over. */
  async #wait(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const begin = (): void => {
        signal.removeEventListener('abort', leave);
        clearTimeout(timer);
        resolve();
      };
      const leave = (): void => {
        this.#waiting.delete(begin);
        signal.removeEventListener('abort', leave);
        clearTimeout(timer);
        reject(signal.aborted ? (signal.reason as Error) : unavailable('TOO_MANY_LOOKUPS'));
      };
      const timer = setTimeout(leave, LONGEST_WAIT_MS);
      signal.addEventListener('abort', leave);
      this.#waiting.add(begin);
    });
  }

  #pass(): void {
    const [next] = this.#waiting;
    if (!next) {
      this.#under -= 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
