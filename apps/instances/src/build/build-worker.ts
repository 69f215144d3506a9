import { setTimeout as wait } from 'node:timers/promises';
import { HallmarkError } from '@hallmark/errors';
import { LeaseWorker } from '@hallmark/postgres';
import { newRequestId } from '@hallmark/runtime';
import type { Builds, ClaimedBuild, FinishedDrive } from '../store/builds.ts';
import type { ChangeFeed } from '../store/change-feed.ts';
import type { InstanceRecords } from '../store/instance-records.ts';
import type { BuildEvents } from './build-events.ts';
import type { DriveBuilder } from './drive-builder.ts';
import { failed, verdictOn, type BuildFault } from './verdict.ts';

export interface BuildWorkerOptions {
  readonly builds: Pick<Builds, 'claim' | 'renew' | 'release' | 'finish' | 'fail'>;
  readonly records: Pick<InstanceRecords, 'find'>;
  readonly builder: Pick<DriveBuilder, 'build'>;
  readonly feed: Pick<ChangeFeed, 'onBuild'>;
  readonly events: BuildEvents;
  readonly limits: BuildLimits;
}

export interface BuildLimits {
  /** Drives at a time. */
  readonly concurrency: number;
  /** For how long a build is ours without a sign of life. */
  readonly leaseSeconds: number;
  /** For how long one is tried while what it needs is down. */
  readonly patienceSeconds: number;
}

type Outcome =
  | { readonly kind: 'drive'; readonly drive: FinishedDrive }
  | { readonly kind: 'fault'; readonly fault: BuildFault }
  /** The instance was deleted. */
  | { readonly kind: 'gone' };

/** Begun, and begun once more after its process has died. A drive that kills its builders stops there. */
const MAX_ATTEMPTS = 2;
const PAUSE = { firstMs: 250, longestMs: 10_000 };
const DATABASE_PAUSE_MS = 500;

/** Somebody else builds it by now, or the instance is gone. */
class BuildLost extends Error {
  override readonly name = 'BuildLost';
}

/** Builds config drives that any replica has written down, as many at a time as configured. */
export class BuildWorker implements AsyncDisposable {
  readonly #options: BuildWorkerOptions;
  readonly #worker: LeaseWorker<ClaimedBuild>;
  readonly #listening: Disposable;

  /** Begins at once. */
  constructor(options: BuildWorkerOptions) {
    this.#options = options;
    const { builds, events, limits } = options;
    this.#worker = new LeaseWorker({
      jobs: {
        claim: (leaseSeconds) => builds.claim(leaseSeconds),
        renew: async (build, leaseSeconds) =>
          (await builds.renew(build, leaseSeconds)) ? undefined : new BuildLost(),
        release: (build) => builds.release(build),
      },
      run: (build, signal) => this.#run(build, signal),
      events,
      concurrency: limits.concurrency,
      leaseSeconds: limits.leaseSeconds,
    });
    this.#listening = options.feed.onBuild(() => this.#worker.wake());
  }

  /** Hands back what is under way, so that another replica, or the next process, begins it at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listening[Symbol.dispose]();
    await this.#worker[Symbol.asyncDispose]();
  }

  async #run(build: ClaimedBuild, signal: AbortSignal): Promise<void> {
    const { events } = this.#options;
    events.takenUp(build);
    const startedAt = performance.now();
    try {
      const outcome = await this.#attempts(build, signal);
      if (!(await this.#whenDatabaseAnswers(() => this.#write(build, outcome), signal)))
        events.discarded(build);
      else if (outcome.kind === 'drive') events.built(build, outcome.drive, performance.now() - startedAt);
      else if (outcome.kind === 'fault') events.failed(build, outcome.fault);
    } catch (thrown) {
      if (!(signal.reason instanceof BuildLost)) throw thrown;
      events.discarded(build);
    }
  }

  /** Until there is a drive, a fault, or no patience left. */
  async #attempts(build: ClaimedBuild, signal: AbortSignal): Promise<Outcome> {
    const { records, builder, events, limits } = this.#options;
    if (build.attempt > MAX_ATTEMPTS) {
      const message = `Its building was begun ${MAX_ATTEMPTS} times, and each time the process that did it ended.`;
      return { kind: 'fault', fault: failed(message) };
    }
    const work = { requestId: newRequestId(), signal };
    const giveUpAt = performance.now() + limits.patienceSeconds * 1_000;
    for (let pauseMs = PAUSE.firstMs; ; pauseMs = Math.min(pauseMs * 2, PAUSE.longestMs)) {
      const record = await this.#whenDatabaseAnswers(() => records.find(build.instanceId), signal);
      if (record === undefined) return { kind: 'gone' };
      try {
        return { kind: 'drive', drive: await builder.build(record, work) };
      } catch (thrown) {
        signal.throwIfAborted();
        const verdict = verdictOn(thrown);
        if (verdict.kind === 'final') return { kind: 'fault', fault: verdict.fault };
        if (performance.now() + pauseMs > giveUpAt) {
          return {
            kind: 'fault',
            fault: failed(`Tried for ${limits.patienceSeconds} s. ${verdict.message}`),
          };
        }
        events.willRetry(build, thrown, pauseMs === PAUSE.firstMs);
        await wait(pauseMs, undefined, { signal });
      }
    }
  }

  /** False: the build is not ours any more, or its instance is gone. */
  async #write(build: ClaimedBuild, outcome: Outcome): Promise<boolean> {
    const { builds } = this.#options;
    switch (outcome.kind) {
      case 'drive':
        return await builds.finish(build, outcome.drive);
      case 'fault':
        return await builds.fail(build, outcome.fault);
      case 'gone':
        return false;
    }
  }

  /**
   * A build does not fail because PostgreSQL is away. A commit of which nobody knows may be repeated: if it
   * was done, the build is no longer ours.
   */
  async #whenDatabaseAnswers<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (thrown) {
        if (!(thrown instanceof HallmarkError && thrown.code === 'unavailable')) throw thrown;
        await wait(DATABASE_PAUSE_MS, undefined, { signal });
      }
    }
  }
}
