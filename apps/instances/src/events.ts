import { Counter, Gauge, type AppContext } from '@hallmark/runtime';

/** What is worth counting. */
export class InstancesEvents {
  readonly #boots: Counter<'outcome'>;
  readonly #swept: Counter;
  readonly #waiting: Gauge;

  /** `feed` is looked at when metrics are read. */
  constructor({ registry }: AppContext, feed: { readonly watchers: number; readonly isComplete: boolean }) {
    const registers = [registry];
    this.#boots = new Counter({
      name: 'hallmark_instances_boots_total',
      help: 'Boots: taken in, repeated with the same idempotency key, or rebuilt.',
      labelNames: ['outcome'],
      registers,
    });
    this.#swept = new Counter({
      name: 'hallmark_instances_swept_total',
      help: 'Records of deleted instances and idempotency keys that were removed after their time.',
      registers,
    });
    this.#waiting = new Gauge({
      name: 'hallmark_instances_waiting',
      help: 'Calls that wait for an instance to leave BUILD.',
      registers,
    });
    new Gauge({
      name: 'hallmark_instances_watchers',
      help: 'Processes that watch for changes of instances.',
      registers,
      collect() {
        this.set(feed.watchers);
      },
    });
    new Gauge({
      name: 'hallmark_instances_hears_changes',
      help: 'Whether this process hears of the changes that other replicas make: 1 or 0; of several workers the worst.',
      aggregator: 'min',
      registers,
      collect() {
        this.set(feed.isComplete ? 1 : 0);
      },
    });
  }

  booted(outcome: 'taken' | 'repeated' | 'rebuilt'): void {
    this.#boots.inc({ outcome });
  }

  /** A call waits for a build until this is disposed. */
  waits(): Disposable {
    this.#waiting.inc();
    return { [Symbol.dispose]: () => this.#waiting.dec() };
  }

  swept(rows: number): void {
    this.#swept.inc(rows);
  }
}
