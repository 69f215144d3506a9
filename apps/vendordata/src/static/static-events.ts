import { Counter, Gauge, type AppContext, type Logger } from '@hallmark/runtime';

/** The metrics of the static file and the lines that an operator would act on. */
export class StaticEvents {
  readonly #log: Logger;
  readonly #reads: Counter<'outcome'>;
  readonly #good: Gauge;

  constructor({ log, registry }: AppContext) {
    this.#log = log;
    this.#reads = new Counter({
      name: 'hallmark_vendordata_static_reads_total',
      help: 'Times that the file of StaticJSON was read because it had changed, by outcome: taken, or refused for what was read before.',
      labelNames: ['outcome'],
      registers: [registry],
    });
    this.#good = new Gauge({
      name: 'hallmark_vendordata_static_good',
      help: 'Whether the file of StaticJSON, as it is now, is what guests get, 1 or 0; of several workers the worst.',
      registers: [registry],
      aggregator: 'min',
    });
    this.#good.set(1);
  }

  taken(path: string): void {
    this.#reads.inc({ outcome: 'taken' });
    this.#good.set(1);
    this.#log.info({ path }, 'static vendordata read again');
  }

  refused(path: string, fault: string): void {
    this.#reads.inc({ outcome: 'refused' });
    this.#good.set(0);
    this.#log.warn({ path, fault }, 'static vendordata is not usable: keeping what was read before');
  }

  /** The configuration names another file, or none: that one was read at once or not taken. */
  replaced(): void {
    this.#good.set(1);
  }

  notTold(cause: unknown): void {
    this.#log.error({ err: cause }, 'readers could not be told that static vendordata has changed');
  }
}
