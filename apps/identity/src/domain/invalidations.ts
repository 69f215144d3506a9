import type { TokenDigest } from './token-digest.ts';

/** What a watcher is told. `version` is that of the newest invalidation. */
export type InvalidationEvent = { readonly version: number } & (
  | { readonly kind: 'hello'; readonly epoch: string }
  | { readonly kind: 'heartbeat' }
  /** Without a digest: all of them. */
  | { readonly kind: 'invalidated'; readonly digest?: TokenDigest | undefined }
);

/** A watcher takes three seconds of silence for a lost watch. */
const HEARTBEAT_MS = 1_000;
/** What a watcher that does not read may leave unread; beyond it, "forget all" says the same. */
const LONGEST_BACKLOG = 1_000;

interface Watcher {
  backlog: InvalidationEvent[];
  wake: () => void;
}

/**
 * The validations that ended early, and those who want to know. Versions are times in milliseconds
 * made strictly growing, so that they compare across processes and restarts.
 */
export class Invalidations {
  readonly #now: () => number;
  readonly #watchers = new Set<Watcher>();
  #epoch: string;
  #version: number;

  constructor(epoch: string, now: () => number) {
    this.#epoch = epoch;
    this.#now = now;
    // Whatever was invalidated before this process began, it has not remembered as valid.
    this.#version = now();
  }

  get version(): number {
    return this.#version;
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  /** Tells every watcher to forget a token. Returns the version, for other processes. */
  announce(digest: TokenDigest): number {
    return this.#announce(digest);
  }

  /** From now on answers rest on other ground: every watcher forgets all it has. */
  begin(epoch: string): void {
    this.#epoch = epoch;
    this.#announce(undefined);
  }

  /** Passes on what another process announced. */
  learn(digest: TokenDigest, version: number): void {
    this.#version = Math.max(this.#version, version);
    this.#tell(digest);
  }

  /** The events for one watcher, `hello` first, until `signal` ends it. */
  async *watch(signal: AbortSignal): AsyncGenerator<InvalidationEvent, void, undefined> {
    const watcher: Watcher = { backlog: [], wake: () => undefined };
    this.#watchers.add(watcher);
    try {
      yield { kind: 'hello', epoch: this.#epoch, version: this.#version };
      while (!signal.aborted) {
        if (watcher.backlog.length === 0 && !(await somethingToTell(watcher, signal))) break;
        const events = watcher.backlog;
        watcher.backlog = [];
        if (events.length > 0) yield* events;
        else yield { kind: 'heartbeat', version: this.#version };
      }
    } finally {
      this.#watchers.delete(watcher);
    }
  }

  #announce(digest: TokenDigest | undefined): number {
    this.#version = Math.max(this.#now(), this.#version + 1);
    this.#tell(digest);
    return this.#version;
  }

  #tell(digest: TokenDigest | undefined): void {
    const event: InvalidationEvent = { kind: 'invalidated', digest, version: this.#version };
    for (const watcher of this.#watchers) {
      const tooMuch = watcher.backlog.length >= LONGEST_BACKLOG;
      if (tooMuch) watcher.backlog = [{ kind: 'invalidated', version: this.#version }];
      else watcher.backlog.push(event);
      watcher.wake();
    }
  }
}

/** Waits for the next event, or a heartbeat's time. False when the watch ended meanwhile. */
async function somethingToTell(watcher: Watcher, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      watcher.wake = () => undefined;
      resolve(!signal.aborted);
    };
    const timer = setTimeout(done, HEARTBEAT_MS);
    watcher.wake = done;
    signal.addEventListener('abort', done);
  });
}
