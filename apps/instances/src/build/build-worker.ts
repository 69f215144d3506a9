import { setTimeout as wait } from 'node:timers/promises';
import { HallmarkError } from '@hallmark/errors';
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
/** New builds are told of at once; those of dead processes are only found by looking, each lease or sooner. */
const LOOK_EVERY_MS = 5_000;
const PAUSE = { firstMs: 250, longestMs: 10_000 };
const DATABASE_PAUSE_MS = 500;

/**
 * Builds config drives that any replica has written down, as many at a time as configured. Whatever ends
 * this process, a build is never lost: it is in the database until its result is.
 */
export class BuildWorker implements AsyncDisposable {
  readonly #options: BuildWorkerOptions;
  readonly #stop = new AbortController();
  readonly #active = new Set<Promise<void>>();
  readonly #listening: Disposable;
  readonly #looking: NodeJS.Timeout;
  #filling: Promise<void> | undefined;
  #wanted = false;

  /** Begins at once. */
  constructor(options: BuildWorkerOptions) {
    this.#options = options;
    this.#listening = options.feed.onBuild(() => this.#fill());
    const lookEveryMs = Math.min(LOOK_EVERY_MS, options.limits.leaseSeconds * 1_000);
    this.#looking = setInterval(() => this.#fill(), lookEveryMs);
    this.#fill();
  }

  /** Hands back what is under way, so that another replica, or the next process, begins it at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#looking);
    this.#listening[Symbol.dispose]();
    this.#stop.abort();
    await this.#filling;
    await Promise.all(this.#active);
  }

  get #stopped(): boolean {
    return this.#stop.signal.aborted;
  }

  #fill(): void {
    this.#wanted = true;
    this.#filling ??= this.#fillUp().finally(() => {
      this.#filling = undefined;
      // Told of another one while this was ending.
      if (this.#wanted && !this.#stopped) this.#fill();
    });
  }

  async #fillUp(): Promise<void> {
    const { builds, limits, events } = this.#options;
    this.#wanted = false;
    while (this.#active.size < limits.concurrency && !this.#stopped) {
      let build: ClaimedBuild | undefined;
      try {
        build = await builds.claim(limits.leaseSeconds);
      } catch (thrown) {
        events.cannotClaim(thrown);
      }
      if (build === undefined) return;
      this.#begin(build);
    }
  }

  #begin(build: ClaimedBuild): void {
    const { events } = this.#options;
    const running = this.#run(build)
      .catch((thrown: unknown) => events.broke(build, thrown))
      .finally(() => {
        this.#active.delete(running);
        events.active(this.#active.size);
        if (!this.#stopped) this.#fill();
      });
    this.#active.add(running);
    events.active(this.#active.size);
  }

  async #run(build: ClaimedBuild): Promise<void> {
    const { events } = this.#options;
    const lost = new AbortController();
    const signal = AbortSignal.any([this.#stop.signal, lost.signal]);
    const renewing = this.#renewing(build, lost);
    events.takenUp(build);
    const startedAt = performance.now();
    try {
      const outcome = await this.#attempts(build, signal);
      if (!(await this.#whenDatabaseAnswers(() => this.#write(build, outcome), signal)))
        events.discarded(build);
      else if (outcome.kind === 'drive') events.built(build, outcome.drive, performance.now() - startedAt);
      else if (outcome.kind === 'fault') events.failed(build, outcome.fault);
    } catch (thrown) {
      if (this.#stopped) await this.#handBack(build);
      else if (lost.signal.aborted) events.discarded(build);
      else throw thrown;
    } finally {
      clearInterval(renewing);
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

  /** Three signs of life in a lease, so that two may be lost. */
  #renewing(build: ClaimedBuild, lost: AbortController): NodeJS.Timeout {
    const { builds, limits } = this.#options;
    const renew = async (): Promise<void> => {
      // While PostgreSQL is away nobody can take the build either.
      const isOurs = await builds.renew(build, limits.leaseSeconds).catch(() => true);
      if (!isOurs) lost.abort();
    };
    return setInterval(() => void renew(), (limits.leaseSeconds * 1_000) / 3);
  }

  async #handBack(build: ClaimedBuild): Promise<void> {
    const { builds, events } = this.#options;
    try {
      await builds.release(build);
      events.handedBack(build);
    } catch (thrown) {
      events.broke(build, thrown); // its lease ends in time
    }
  }
}
