import type { Clock } from '@hallmark/runtime';
import type { Scope } from './local-answers.ts';

/** What a watcher is told. `version` is the newest invalidation at that moment. */
export type InvalidationEvent =
  | { readonly kind: 'hello'; readonly version: number; readonly epoch: string }
  | { readonly kind: 'heartbeat'; readonly version: number }
  | { readonly kind: 'invalidated'; readonly version: number; readonly scope: Scope };

// Readers take three seconds of silence for the loss of the stream.
const HEARTBEAT_MS = 1_000;
/** Events that a watcher may be behind. One that is further behind reads everything anew more cheaply. */
const LONGEST_QUEUE = 1_000;

class Watcher {
  readonly #queue: InvalidationEvent[] = [];
  #ended = false;
  #wake: () => void = () => undefined;

  push(event: InvalidationEvent): void {
    if (this.#queue.length >= LONGEST_QUEUE) this.end();
    else this.#queue.push(event);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *events(): AsyncGenerator<InvalidationEvent, void> {
    while (!this.#ended) {
      const next = this.#queue.shift();
      if (next !== undefined) {
        yield next;
        continue;
      }
      const { promise, resolve } = Promise.withResolvers<undefined>();
      this.#wake = () => resolve(undefined);
      await promise;
    }
  }
}

/**
 * The purge clock of this process and those who watch it. Versions are milliseconds since 1970 made
 * strictly growing, so that those of several replicas compare.
 */
export class Invalidations implements Disposable {
  readonly #clock: Clock;
  readonly #watchers = new Set<Watcher>();
  readonly #heartbeat: NodeJS.Timeout;
  /** Another one voids everything that was said before. */
  epoch: string;
  #version: number;

  constructor(epoch: string, clock: Clock) {
    this.#clock = clock;
    this.epoch = epoch;
    this.#version = clock.now();
    this.#heartbeat = setInterval(
      () => this.#tell({ kind: 'heartbeat', version: this.#version }),
      HEARTBEAT_MS,
    ).unref();
  }

  get version(): number {
    return this.#version;
  }

  /** The version of an invalidation that begins here. */
  next(): number {
    return Math.max(this.#clock.now(), this.#version + 1);
  }

  /**
   * Tells the watchers of an invalidation, here or elsewhere, once its answers are gone from this
   * process. Whatever its number, the version grows: an answer that was begun before must look older.
   */
  announce(scope: Scope, version: number): void {
    this.#version = Math.max(version, this.#version + 1);
    this.#tell({ kind: 'invalidated', version: this.#version, scope });
  }

  /** Ends when `signal` is aborted, and when the reader is so far behind that it should start anew. */
  async *watch(signal: AbortSignal): AsyncGenerator<InvalidationEvent, void> {
    const watcher = new Watcher();
    const end = (): void => watcher.end();
    if (signal.aborted) return;
    signal.addEventListener('abort', end, { once: true });
    this.#watchers.add(watcher);
    try {
      yield { kind: 'hello', version: this.#version, epoch: this.epoch };
      yield* watcher.events();
    } finally {
      this.#watchers.delete(watcher);
      signal.removeEventListener('abort', end);
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#heartbeat);
    for (const watcher of this.#watchers) watcher.end();
  }

  #tell(event: InvalidationEvent): void {
    for (const watcher of this.#watchers) watcher.push(event);
  }
}
