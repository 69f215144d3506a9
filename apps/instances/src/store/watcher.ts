/** What a watcher is told. `version` is that of the newest change at that moment. */
export type FeedEvent = { readonly version: number } & (
  | { readonly kind: 'hello'; readonly epoch: string }
  | { readonly kind: 'heartbeat' }
  /** With an empty id: every instance. */
  | { readonly kind: 'changed'; readonly id: string }
);

/** A reader takes three seconds of silence for a lost watch. */
const HEARTBEAT_MS = 1_000;
/** What a reader may leave unread; beyond it, "forget all" says the same. */
const LONGEST_BACKLOG = 1_000;

/** One watch: events wait here until they are read. */
export class Watcher {
  readonly #version: () => number;
  #backlog: FeedEvent[] = [];
  #isEnded = false;
  #wake: () => void = () => undefined;

  constructor(version: () => number) {
    this.#version = version;
  }

  push(event: FeedEvent): void {
    if (this.#backlog.length < LONGEST_BACKLOG) this.#backlog.push(event);
    else this.#backlog = [{ kind: 'changed', version: event.version, id: '' }];
    this.#wake();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  /** Until `end` is called or `signal` aborted. */
  async *events(signal: AbortSignal): AsyncGenerator<FeedEvent, void> {
    while (!this.#isEnded && !signal.aborted) {
      if (this.#backlog.length === 0 && !(await this.#somethingToTell(signal))) return;
      const events = this.#backlog;
      this.#backlog = [];
      if (events.length > 0) yield* events;
      else yield { kind: 'heartbeat', version: this.#version() };
    }
  }

  /** Waits for the next event or the time of a heartbeat. False when the watch ended meanwhile. */
  async #somethingToTell(signal: AbortSignal): Promise<boolean> {
    return await new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.#wake = () => undefined;
        resolve(!this.#isEnded && !signal.aborted);
      };
      const timer = setTimeout(done, HEARTBEAT_MS);
      this.#wake = done;
      signal.addEventListener('abort', done);
    });
  }
}
