/** What a service's watch says, whichever service it is. */
export type WatchEvent<I> =
  | { readonly kind: 'hello'; readonly epoch: string; readonly version: number }
  | { readonly kind: 'heartbeat'; readonly version: number }
  | { readonly kind: 'invalidated'; readonly invalidation: I; readonly version: number };

/** Who acts on it. */
export interface WatchFollower<I> {
  hello(epoch: string, version: number): void;
  heartbeat(version: number): void;
  invalidated(invalidation: I, version: number): void;
  lost(): void;
}

export interface InvalidationWatchOptions<I> {
  /** Opens the stream; it ends when the signal says so. */
  readonly open: (signal: AbortSignal) => AsyncIterable<WatchEvent<I>>;
  readonly follower: WatchFollower<I>;
  readonly onUp: () => void;
  readonly onInvalidated: () => void;
  readonly onLost: (cause: unknown) => void;
}

/** Three heartbeats missed. */
const SILENCE_MS = 3_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;

/**
 * Follows the invalidations of one service for as long as the process runs. A stream that breaks, ends
 * or falls silent is lost at once and opened anew, on whichever replica answers.
 */
export class InvalidationWatch<I> implements AsyncDisposable {
  readonly #options: InvalidationWatchOptions<I>;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #state: 'starting' | 'up' | 'lost' = 'starting';
  #greeted = false;
  #pauseMs = FIRST_PAUSE_MS;

  constructor(options: InvalidationWatchOptions<I>) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** Whether the service has answered at least once. */
  get greeted(): boolean {
    return this.#greeted;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    for (;;) {
      const cause = await this.#follow();
      if (this.#stop.signal.aborted) return;
      this.#lost(cause);
      // All gateways lose a restarted service together; they need not return together.
      await pause(this.#pauseMs * (0.5 + Math.random() / 2), this.#stop.signal);
      this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }

  /** Follows one stream to its end, and says why it ended. */
  async #follow(): Promise<unknown> {
    const silent = new AbortController();
    const timer = setTimeout(() => {
      // Not left to the stream, which may take its time to end.
      const cause = new Error(`Nothing was heard for ${SILENCE_MS} ms.`);
      this.#lost(cause);
      silent.abort(cause);
    }, SILENCE_MS);
    try {
      const events = this.#options.open(AbortSignal.any([this.#stop.signal, silent.signal]));
      let begun = false;
      for await (const event of events) {
        if (silent.signal.aborted) break;
        if (!begun && event.kind !== 'hello') throw new Error(`The watch began with ${event.kind}.`);
        begun = true;
        timer.refresh();
        this.#apply(event);
      }
      return silent.signal.aborted ? silent.signal.reason : new Error('The stream ended.');
    } catch (thrown) {
      return thrown;
    } finally {
      clearTimeout(timer);
    }
  }

  #apply(event: WatchEvent<I>): void {
    const { follower, onUp, onInvalidated } = this.#options;
    switch (event.kind) {
      case 'hello':
        follower.hello(event.epoch, event.version);
        this.#greeted = true;
        this.#pauseMs = FIRST_PAUSE_MS;
        if (this.#state !== 'up') onUp();
        this.#state = 'up';
        break;
      case 'heartbeat':
        follower.heartbeat(event.version);
        break;
      case 'invalidated':
        follower.invalidated(event.invalidation, event.version);
        onInvalidated();
        break;
    }
  }

  #lost(cause: unknown): void {
    if (this.#state === 'lost') return;
    this.#state = 'lost';
    this.#options.follower.lost();
    this.#options.onLost(cause);
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
