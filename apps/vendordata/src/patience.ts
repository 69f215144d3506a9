import { timeout } from '@hallmark/errors';

/** Whose patience counts: aborted when the caller is gone, and so much time is left. */
export interface Asker {
  readonly signal: AbortSignal;
  remainingMs(): number;
}

/** Kept back of the caller's time, so that an answer with gaps arrives before the caller gives up. */
const RESERVE = { share: 0.1, mostMs: 150 };

/** How long targets may take for one caller: until it leaves, its time is nearly over, or the limit. */
export class Patience implements Disposable {
  readonly #asker: Asker;
  readonly #end = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(asker: Asker, limitMs = Infinity) {
    this.#asker = asker;
    const remainingMs = asker.remainingMs();
    const usableMs = remainingMs - Math.min(RESERVE.share * remainingMs, RESERVE.mostMs);
    this.#timer = setTimeout(
      () => {
        this.#end.abort(timeout('TARGETS_TOO_SLOW', 'The time for the targets is over.'));
      },
      Math.min(usableMs, limitMs),
    );
    if (asker.signal.aborted) this.#askerLeft();
    else asker.signal.addEventListener('abort', this.#askerLeft);
  }

  get signal(): AbortSignal {
    return this.#end.signal;
  }

  /** Nobody wants an answer any more. */
  lose(): void {
    this.#end.abort();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#asker.signal.removeEventListener('abort', this.#askerLeft);
  }

  readonly #askerLeft = (): void => {
    this.#end.abort(this.#asker.signal.reason);
  };
}
