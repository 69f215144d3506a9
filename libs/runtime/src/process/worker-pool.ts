import cluster from 'node:cluster';
import type { Logger } from 'pino';
import { AggregatorRegistry, Counter, Gauge, type Registry } from 'prom-client';
import type { Config } from '../config/load.ts';
import type { ConfigSources } from '../config/sources.ts';
import type { Unit } from './app-host.ts';
import { finishesWithin } from './finishes-within.ts';
import { PoolWorker, StartFailure } from './pool-worker.ts';

/** The first replacement comes at once, further ones ever later, so that a broken host is not kept busy. */
const SHORTEST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 30_000;
/** A worker that lived this long was no failed start; the next delay is the shortest again. */
const HEALTHY_LIFE_MS = 10_000;
/** Workers watch the time of a graceful stop themselves; what is still there after this is stuck. */
const STOP_MARGIN_SECONDS = 2;

interface PoolOptions {
  readonly size: number;
  readonly sources: ConfigSources;
  readonly log: Logger;
  /** Of the primary process: workers' metrics are gathered from them. */
  readonly registry: Registry;
}

/** The app in several processes that share its listeners, replaced when they die. */
export class WorkerPool implements Unit {
  readonly #workers = new Set<PoolWorker>();
  readonly #replacements = new Set<NodeJS.Timeout>();
  readonly #size: number;
  readonly #log: Logger;
  readonly #registry: Registry;
  readonly #aggregator = new AggregatorRegistry();
  readonly #deaths: Counter;
  #sources: ConfigSources;
  #addresses: Unit['addresses'] = {};
  #failuresInARow = 0;
  #isStopping = false;

  private constructor({ size, sources, log, registry }: PoolOptions) {
    this.#size = size;
    this.#sources = sources;
    this.#log = log;
    this.#registry = registry;
    this.#deaths = new Counter({
      name: 'hallmark_worker_deaths_total',
      help: 'Workers that ended though nobody had told them to.',
      registers: [registry],
    });
    const workers = this.#workers;
    new Gauge({
      name: 'hallmark_workers',
      help: 'Workers that are up.',
      registers: [registry],
      collect() {
        this.set([...workers].filter(({ isUp }) => isUp).length);
      },
    });
  }

  /** Throws a StartFailure with what the operator should read. */
  static async start(options: PoolOptions): Promise<WorkerPool> {
    const pool = new WorkerPool(options);
    try {
      // One first: what stops it would stop them all, and is then said once.
      pool.#addresses = await pool.#add();
      await Promise.all(Array.from({ length: options.size - 1 }, () => pool.#add()));
      return pool;
    } catch (error) {
      pool.kill();
      throw error;
    }
  }

  get addresses(): Unit['addresses'] {
    return this.#addresses;
  }

  async notReady(): Promise<readonly string[]> {
    if (this.#isStopping) return ['stopping'];
    const up = [...this.#workers].filter(({ isUp }) => isUp);
    const missing = this.#size - up.length;
    const reasons = await Promise.all(
      up.map(async (worker) =>
        ((await worker.ask({ hallmark: 'readiness' })) ?? ['has ended']).map(
          (reason) => `worker ${worker.pid}: ${reason}`,
        ),
      ),
    );
    return [...(missing > 0 ? [`${missing} of ${this.#size} workers not up`] : []), ...reasons.flat()];
  }

  async metrics(): Promise<string> {
    // A worker that is stuck must not hide what this process knows of it.
    const workers = this.#aggregator.clusterMetrics().catch((error: unknown) => {
      this.#log.error({ err: error }, 'the workers did not tell their metrics');
      return '';
    });
    return `${await this.#registry.metrics()}\n${await workers}`;
  }

  async reload(_config: Config, sources: ConfigSources): Promise<readonly string[]> {
    const up = [...this.#workers].filter(({ isUp }) => isUp);
    const answers = await Promise.all(
      up.map((worker) => worker.ask({ hallmark: 'reload', files: [...sources.files] })),
    );
    // One that has ended in the meantime objects to nothing; its successor gets what the others took.
    const reasons = [...new Set(answers.flatMap((answer) => answer ?? []))];
    if (reasons.length === 0) this.#sources = sources;
    return reasons;
  }

  async stop(withinSeconds: number): Promise<boolean> {
    this.#isStopping = true;
    for (const timer of this.#replacements) clearTimeout(timer);
    const workers = [...this.#workers];
    for (const worker of workers) worker.tell({ hallmark: 'stop' });
    const ends = Promise.all(workers.map(({ ended }) => ended));
    const limit = withinSeconds === 0 ? 0 : withinSeconds + STOP_MARGIN_SECONDS;
    if (!(await finishesWithin(limit, ends))) {
      this.kill();
      return false;
    }
    return (await ends).every((end) => end === 'code 0');
  }

  kill(): void {
    this.#isStopping = true;
    for (const worker of this.#workers) worker.kill();
  }

  async #add(): Promise<Unit['addresses']> {
    const bornAt = performance.now();
    const worker = new PoolWorker(cluster.fork(), (message) => {
      for (const other of this.#workers) if (other !== worker) other.tell(message);
    });
    this.#workers.add(worker);
    void worker.ended.then((end) => {
      this.#workers.delete(worker);
      if (worker.isUp && !this.#isStopping) this.#replace(worker, end, performance.now() - bornAt);
    });
    const sources = this.#sources;
    const addresses = await worker.start(sources);
    // A configuration that came while it was starting has been taken by the others.
    if (this.#sources !== sources) await worker.ask({ hallmark: 'reload', files: [...this.#sources.files] });
    return addresses;
  }

  #replace(worker: PoolWorker, end: string, livedMs: number): void {
    this.#deaths.inc();
    if (livedMs >= HEALTHY_LIFE_MS) this.#failuresInARow = 0;
    this.#addLater(`worker ${worker.pid} ended unexpectedly (${end})`);
  }

  #addLater(reason: string): void {
    const delayMs = Math.min(LONGEST_DELAY_MS, SHORTEST_DELAY_MS * 2 ** this.#failuresInARow);
    this.#failuresInARow += 1;
    this.#log.error({ delayMs }, `${reason}; another one is started`);
    const timer = setTimeout(() => {
      this.#replacements.delete(timer);
      this.#add().then(
        () => this.#log.info('the worker has been replaced'),
        (error: unknown) => {
          if (this.#isStopping) return;
          const lines = error instanceof StartFailure ? error.lines : [];
          this.#addLater(['a worker could not start', ...lines].join(': '));
        },
      );
    }, delayMs);
    this.#replacements.add(timer);
  }
}
