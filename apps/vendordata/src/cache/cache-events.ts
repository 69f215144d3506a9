import { Counter, Gauge } from '@hallmark/runtime';
import type { AppContext, Logger } from '@hallmark/runtime';

/** How a use of Redis went wrong: it said nothing in time, could not be reached, or said no. */
export type RedisTrouble = 'timeout' | 'connection' | 'refused';

/** What the cache could do for the requests to one target. */
export interface Tally {
  hits: number;
  stale: number;
  misses: number;
}

/** What is counted anyway, for the figures that are read when somebody asks for them. */
export interface CacheFigures {
  readonly tallies: ReadonlyMap<string, Tally>;
  state(): { readonly entries: number; readonly sizeBytes: number };
}

/** The metrics of the cache and the few lines that it logs. Nothing here is called on a hit. */
export class CacheEvents {
  readonly #log: Logger;
  readonly #redisErrors: Counter<'reason'>;
  readonly #redisUp: Gauge;
  readonly #redisWritable: Gauge;

  constructor({ log, registry }: AppContext, { shared }: { shared: boolean }) {
    this.#log = log;
    const registers = shared ? [registry] : [];
    this.#redisErrors = new Counter({
      name: 'hallmark_vendordata_redis_errors_total',
      help: 'Uses of Redis that failed and were done without, by reason.',
      labelNames: ['reason'],
      registers,
    });
    this.#redisUp = new Gauge({
      name: 'hallmark_vendordata_redis_up',
      help: 'Whether Redis answers, 1 or 0; of several workers the worst.',
      registers,
      aggregator: 'min',
    });
    this.#redisWritable = new Gauge({
      name: 'hallmark_vendordata_redis_writable',
      help: 'Whether Redis takes what is written, which a full one does not, 1 or 0; of several workers the worst.',
      registers,
      aggregator: 'min',
    });
    this.#redisWritable.set(1);
  }

  /** Registers the figures that the cache keeps anyway. */
  observe({ registry }: AppContext, figures: CacheFigures): void {
    const registers = [registry];
    new Counter({
      name: 'hallmark_vendordata_cache_requests_total',
      help: 'Requests by target and by what the cache could do: hit, stale or miss.',
      labelNames: ['target', 'result'],
      registers,
      collect() {
        this.reset();
        for (const [target, { hits, stale, misses }] of figures.tallies) {
          this.inc({ target, result: 'hit' }, hits);
          this.inc({ target, result: 'stale' }, stale);
          this.inc({ target, result: 'miss' }, misses);
        }
      },
    });
    new Gauge({
      name: 'hallmark_vendordata_cache_entries',
      help: 'Answers kept in the process.',
      registers,
      collect() {
        this.set(figures.state().entries);
      },
    });
    new Gauge({
      name: 'hallmark_vendordata_cache_bytes',
      help: 'Memory that they take.',
      registers,
      collect() {
        this.set(figures.state().sizeBytes);
      },
    });
  }

  redisFailed(trouble: RedisTrouble): void {
    this.#redisErrors.inc({ reason: trouble });
  }

  redisFound(): void {
    this.#redisUp.set(1);
  }

  redisLost(cause: unknown): void {
    this.#redisUp.set(0);
    this.#log.warn({ cause: inShort(cause) }, 'Redis does not answer: going on without the shared cache');
  }

  redisBack(): void {
    this.#redisUp.set(1);
    this.#log.info('Redis answers again: the shared cache is in use');
  }

  writesRefused(cause: unknown): void {
    this.#redisWritable.set(0);
    this.#log.warn({ cause: inShort(cause) }, 'Redis refuses what is written: going on with what it holds');
  }

  writesAccepted(): void {
    this.#redisWritable.set(1);
    this.#log.info('Redis takes what is written again');
  }

  keysRead(path: string): void {
    this.#log.info({ path }, 'sealing keys read again');
  }

  keysRefused(cause: unknown): void {
    this.#log.warn({ cause: inShort(cause) }, 'sealing keys not usable: keeping those read before');
  }

  backgroundFailed(cause: unknown): void {
    this.#log.error({ err: cause }, 'refreshing an answer in the background broke down');
  }
}

/** The message alone: ioredis hangs the command to its errors, and with AUTH the password. */
const inShort = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
