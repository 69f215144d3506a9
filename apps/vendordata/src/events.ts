import { Counter, Gauge, Histogram, type AppContext, type Clock, type Logger } from '@hallmark/runtime';
import type { TargetFailure, TargetReply } from './domain/answer.ts';
import type { Part } from './domain/resolution.ts';
import type { BreakerState } from './targets/guard.ts';
import type { Target, TargetEvents } from './targets/target.ts';

const BREAKER_VALUE: Readonly<Record<BreakerState, number>> = { closed: 0, 'half-open': 1, open: 2 };
/** A target that fails and recovers by turns is told of this often at most. */
const LINE_INTERVAL_MS = 10_000;

/** What is remembered of a target between two lines of the log. */
interface Trouble {
  sinceMs: number;
  failures: number;
}

/** The metrics of the targets and of the documents, and the lines that an operator would act on. */
export class VendordataEvents implements TargetEvents {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #requests: Counter<'target' | 'outcome'>;
  readonly #seconds: Histogram<'target'>;
  readonly #parts: Counter<'target' | 'source'>;
  readonly #troubles = new Map<string, Trouble>();
  readonly #lastLineMs = new Map<string, number>();
  readonly #uncomposable = new Set<string>();

  constructor({ log, registry }: AppContext, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
    const registers = [registry];
    this.#requests = new Counter({
      name: 'hallmark_vendordata_target_requests_total',
      help: 'Requests sent to a target, by outcome: answered, not_modified, or the reason of the failure.',
      labelNames: ['target', 'outcome'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'hallmark_vendordata_target_seconds',
      help: 'Time that requests to a target took.',
      labelNames: ['target'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    });
    this.#parts = new Counter({
      name: 'hallmark_vendordata_parts_total',
      help: 'Parts of resolved documents, by target and where they came from.',
      labelNames: ['target', 'source'],
      registers,
    });
  }

  /** Registers the figures that the targets keep themselves; `targets` are those configured now. */
  observe({ registry }: AppContext, targets: () => readonly Pick<Target, 'name' | 'health'>[]): void {
    new Gauge({
      name: 'hallmark_vendordata_target_in_flight',
      help: 'Requests to a target that are under way.',
      labelNames: ['target'],
      registers: [registry],
      collect() {
        this.reset();
        for (const target of targets()) this.set({ target: target.name }, target.health().inFlight);
      },
    });
    new Gauge({
      name: 'hallmark_vendordata_target_breaker',
      help: 'Breaker before a target: 0 closed, 1 half open, 2 open; of several workers the worst.',
      labelNames: ['target'],
      registers: [registry],
      aggregator: 'max',
      collect() {
        this.reset();
        for (const target of targets()) {
          this.set({ target: target.name }, BREAKER_VALUE[target.health().breaker]);
        }
      },
    });
  }

  replied(target: string, reply: TargetReply, elapsedMs: number): void {
    this.#seconds.observe({ target }, elapsedMs / 1_000);
    this.#requests.inc({ target, outcome: outcomeOf(reply) });
    if (reply.kind !== 'failed') this.#recovered(target);
    else if (reply.failure.reason !== 'CANCELLED') this.#failed(target, reply.failure);
  }

  contributed(part: Part): void {
    this.#parts.inc({ target: part.name, source: part.source });
  }

  /** What cloud-init could not take; one line until the target composes again. */
  composed(dropped: readonly { target: string; found: string }[]): void {
    for (const { target, found } of dropped) {
      if (this.#uncomposable.has(target)) continue;
      this.#uncomposable.add(target);
      this.#log.warn(
        { target, found },
        'target has something for cloud-init that cloud-init cannot take; it is left out',
      );
    }
    for (const target of this.#uncomposable) {
      if (!dropped.some((drop) => drop.target === target)) this.#uncomposable.delete(target);
    }
  }

  /** The first failure is told, not each; and not every time of a target that flaps. */
  #failed(target: string, { reason, message, status }: TargetFailure): void {
    const trouble = this.#troubles.get(target);
    if (trouble) {
      trouble.failures += 1;
      return;
    }
    const now = this.#clock.now();
    if (now - (this.#lastLineMs.get(target) ?? -Infinity) < LINE_INTERVAL_MS) return;
    this.#lastLineMs.set(target, now);
    this.#troubles.set(target, { sinceMs: now, failures: 1 });
    this.#log.warn({ target, reason, status, detail: message }, 'target fails');
  }

  #recovered(target: string): void {
    const trouble = this.#troubles.get(target);
    if (!trouble) return;
    this.#troubles.delete(target);
    const seconds = (this.#clock.now() - trouble.sinceMs) / 1_000;
    this.#log.info({ target, failures: trouble.failures, seconds }, 'target answers again');
  }
}

function outcomeOf(reply: TargetReply): string {
  switch (reply.kind) {
    case 'answered':
      return 'answered';
    case 'not-modified':
      return 'not_modified';
    case 'failed':
      return reply.failure.reason.toLowerCase();
  }
}
