import type { LeaseWorkerEvents } from '@hallmark/postgres';
import { Counter, Gauge, Histogram, type AppContext, type Logger } from '@hallmark/runtime';
import type { ClaimedBuild, FinishedDrive } from '../store/builds.ts';
import type { BuildFault } from './verdict.ts';

/** The metrics of the builds and the lines that an operator would act on. */
export class BuildEvents implements LeaseWorkerEvents<ClaimedBuild> {
  readonly #log: Logger;
  readonly #builds: Counter<'outcome'>;
  readonly #seconds: Histogram;
  readonly #retries: Counter;
  readonly #active: Gauge;

  constructor({ log, registry }: AppContext) {
    this.#log = log;
    const registers = [registry];
    this.#builds = new Counter({
      name: 'hallmark_instances_builds_total',
      help: 'Builds of config drives that ended here: built, failed by reason, discarded, or handed_back at the end of the process.',
      labelNames: ['outcome'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'hallmark_instances_build_seconds',
      help: 'Time from taking a build up to its drive.',
      buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300],
      registers,
    });
    this.#retries = new Counter({
      name: 'hallmark_instances_build_retries_total',
      help: 'Attempts at a config drive that failed because something was down, and are repeated.',
      registers,
    });
    this.#active = new Gauge({
      name: 'hallmark_instances_builds_active',
      help: 'Config drives that are being built.',
      registers,
    });
  }

  active(count: number): void {
    this.#active.set(count);
  }

  takenUp({ instanceId, attempt }: ClaimedBuild): void {
    if (attempt > 1)
      this.#log.warn({ instanceId, attempt }, 'the process that built a config drive ended; taken up');
  }

  built({ instanceId }: ClaimedBuild, drive: FinishedDrive, elapsedMs: number): void {
    this.#builds.inc({ outcome: 'built' });
    this.#seconds.observe(elapsedMs / 1_000);
    const { format, size, shortLivedTargets } = drive;
    const line = { instanceId, format, size, elapsedMs: Math.round(elapsedMs) };
    if (shortLivedTargets.length === 0) this.#log.info(line, 'config drive built');
    else this.#log.warn({ ...line, shortLivedTargets }, 'config drive built with short-lived answers');
  }

  failed({ instanceId }: ClaimedBuild, { reason, message }: BuildFault): void {
    this.#builds.inc({ outcome: reason.toLowerCase() });
    this.#log.warn({ instanceId, reason, detail: message }, 'config drive could not be built');
  }

  /** Of an instance that was deleted meanwhile, or a build that another replica has taken over. */
  discarded({ instanceId }: ClaimedBuild): void {
    this.#builds.inc({ outcome: 'discarded' });
    this.#log.info({ instanceId }, 'config drive is no longer wanted from here');
  }

  handedBack({ instanceId }: ClaimedBuild): void {
    this.#builds.inc({ outcome: 'handed_back' });
    this.#log.info({ instanceId }, 'build handed back at the end of the process');
  }

  /** The first failure of a build is told, not each. */
  willRetry({ instanceId }: ClaimedBuild, thrown: unknown, isFirst: boolean): void {
    this.#retries.inc();
    this.#log[isFirst ? 'warn' : 'debug']({ instanceId, err: thrown }, 'build waits for what it needs');
  }

  /** Neither a drive nor a fault: the build is left to its lease. */
  broke({ instanceId }: ClaimedBuild, thrown: unknown): void {
    this.#log.error({ instanceId, err: thrown }, 'build broke');
  }

  cannotClaim(thrown: unknown): void {
    this.#log.debug({ err: thrown }, 'builds cannot be looked for');
  }
}
