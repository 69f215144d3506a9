/** Jobs in a table that any replica takes up, one at a time each, while it shows signs of life. */
export interface LeasedJobs<Job> {
  /** The job that has waited longest, for whoever asks alone; undefined when none waits. */
  claim(leaseSeconds: number): Promise<Job | undefined>;
  /** A sign of life. The result says why to stop, if so; undefined is to go on. */
  renew(job: Job, leaseSeconds: number): Promise<Error | undefined>;
  /** Gives a job back at once, for whoever is next, as at the end of a process. */
  release(job: Job): Promise<void>;
}

export interface LeaseWorkerEvents<Job> {
  active(count: number): void;
  handedBack(job: Job): void;
  /** It is neither done nor handed back, and left to its lease. */
  broke(job: Job, thrown: unknown): void;
  cannotClaim(thrown: unknown): void;
}

export interface LeaseWorkerOptions<Job> {
  readonly jobs: LeasedJobs<Job>;
  /**
   * Does a job and writes its result down. Aborted at the end of the process, when the job is handed back
   * whatever this throws, and when `renew` says why, which is then the signal's reason.
   */
  readonly run: (job: Job, signal: AbortSignal) => Promise<void>;
  readonly events: LeaseWorkerEvents<Job>;
  /** Jobs at a time. */
  readonly concurrency: number;
  /** For how long a job is ours without a sign of life. */
  readonly leaseSeconds: number;
}

/** New jobs are told of at once; those of dead processes are only found by looking. */
const LOOK_EVERY_MS = 5_000;

/**
 * Does jobs that any replica has written down, as many at a time as configured. Whatever ends this
 * process, a job is never lost: it is in the database until its result is.
 */
export class LeaseWorker<Job> implements AsyncDisposable {
  readonly #options: LeaseWorkerOptions<Job>;
  readonly #stop = new AbortController();
  readonly #active = new Map<Promise<void>, () => Promise<void>>();
  readonly #looking: NodeJS.Timeout;
  #filling: Promise<void> | undefined;
  #wanted = false;

  /** Begins at once. */
  constructor(options: LeaseWorkerOptions<Job>) {
    this.#options = options;
    this.#looking = setInterval(() => this.wake(), Math.min(LOOK_EVERY_MS, options.leaseSeconds * 1_000));
    this.wake();
  }

  /** There may be something to do. */
  wake(): void {
    if (this.#stopped) return;
    this.#wanted = true;
    this.#filling ??= this.#fillUp().finally(() => {
      this.#filling = undefined;
      // Told of another one while this was ending.
      if (this.#wanted) this.wake();
    });
  }

  /** Looks at once whether the jobs under way are still to be done. */
  async renewAll(): Promise<void> {
    await Promise.all([...this.#active.values()].map((renew) => renew()));
  }

  /** Hands back what is under way, so that another replica, or the next process, begins it at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#looking);
    this.#stop.abort();
    await this.#filling;
    await Promise.all(this.#active.keys());
  }

  get #stopped(): boolean {
    return this.#stop.signal.aborted;
  }

  async #fillUp(): Promise<void> {
    const { jobs, concurrency, leaseSeconds, events } = this.#options;
    this.#wanted = false;
    while (this.#active.size < concurrency && !this.#stopped) {
      let job: Job | undefined;
      try {
        job = await jobs.claim(leaseSeconds);
      } catch (thrown) {
        events.cannotClaim(thrown);
      }
      if (job === undefined) return;
      this.#begin(job);
    }
  }

  #begin(job: Job): void {
    const { jobs, events, leaseSeconds } = this.#options;
    const ended = new AbortController();
    const renew = async (): Promise<void> => {
      // While PostgreSQL is away nobody can take the job either.
      const reason = await jobs.renew(job, leaseSeconds).catch(() => undefined);
      if (reason) ended.abort(reason);
    };
    // Three signs of life in a lease, so that two may be lost.
    const renewing = setInterval(() => void renew(), (leaseSeconds * 1_000) / 3);
    const running = this.#run(job, AbortSignal.any([this.#stop.signal, ended.signal]))
      .catch((thrown: unknown) => events.broke(job, thrown))
      .finally(() => {
        clearInterval(renewing);
        this.#active.delete(running);
        events.active(this.#active.size);
        this.wake();
      });
    this.#active.set(running, renew);
    events.active(this.#active.size);
  }

  async #run(job: Job, signal: AbortSignal): Promise<void> {
    try {
      await this.#options.run(job, signal);
    } catch (thrown) {
      if (!this.#stopped) throw thrown;
      await this.#options.jobs.release(job);
      this.#options.events.handedBack(job);
    }
  }
}
