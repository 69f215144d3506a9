import type { identity } from '@hallmark/contracts';

/** An event of a service's watch: `$case`, its value, and the version. */
export interface FakeEvent<Case> {
  event: Case;
  version: number;
}

type Common =
  { $case: 'hello'; value: { epoch: string } } | { $case: 'heartbeat'; value: identity.Heartbeat };

interface Stream<Case> {
  readonly queue: FakeEvent<Case | Common>[];
  wake: () => void;
  broken: boolean;
}

/** The server's side of `WatchInvalidations`, as a test directs it. */
export class FakeWatch<Case> {
  epoch = 'e1';
  version = 0;
  /** While false, streams stay open and say nothing. */
  beating = true;
  heartbeatMs = 50;
  /** Streams that were ever opened. */
  opened = 0;
  /** Whether new streams are refused. */
  refusing = false;
  readonly #streams = new Set<Stream<Case>>();

  get watchers(): number {
    return this.#streams.size;
  }

  /** Tells every watcher. The version grows unless one is given. */
  emit(event: Case, version = this.version + 1): void {
    this.version = Math.max(this.version, version);
    for (const stream of this.#streams) {
      stream.queue.push({ event, version });
      stream.wake();
    }
  }

  /** Ends every stream. */
  breakAll(): void {
    for (const stream of this.#streams) {
      stream.broken = true;
      stream.wake();
    }
  }

  async *serve(signal: AbortSignal): AsyncGenerator<FakeEvent<Case | Common>> {
    if (this.refusing) throw new Error('The watch is refused.');
    const stream: Stream<Case> = { queue: [], wake: () => undefined, broken: false };
    const wake = (): void => stream.wake();
    signal.addEventListener('abort', wake);
    this.#streams.add(stream);
    this.opened += 1;
    try {
      yield { event: { $case: 'hello', value: { epoch: this.epoch } }, version: this.version };
      while (!signal.aborted && !stream.broken) {
        const event = stream.queue.shift();
        if (event) yield event;
        else if ((await this.#nextIn(stream)) === 'nothing' && this.beating) {
          yield { event: { $case: 'heartbeat', value: {} }, version: this.version };
        }
      }
    } finally {
      this.#streams.delete(stream);
      signal.removeEventListener('abort', wake);
    }
  }

  async #nextIn(stream: Stream<Case>): Promise<'something' | 'nothing'> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve('nothing'), this.heartbeatMs);
      stream.wake = () => {
        clearTimeout(timer);
        resolve('something');
      };
    });
  }
}
