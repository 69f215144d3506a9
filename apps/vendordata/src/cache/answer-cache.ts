import { systemClock } from '@hallmark/runtime';
import type { AppContext, Clock } from '@hallmark/runtime';
import type { AnswerKey, Answers, AskTarget, CachePolicy, Outcome, TargetFailure } from '../domain/answer.ts';
import type { Answer } from './answer-record.ts';
import { CacheEvents } from './cache-events.ts';
import type { Tally } from './cache-events.ts';
import { Flights } from './flights.ts';
import type { InFlight, Plan } from './flights.ts';
import { FreshnessRules, matches, mayReplace } from './freshness.ts';
import { Invalidations } from './invalidations.ts';
import type { InvalidationEvent } from './invalidations.ts';
import { LocalAnswers } from './local-answers.ts';
import type { Scope } from './local-answers.ts';
import { Procurement, endedBy } from './procurement.ts';
import type { Order, Procured } from './procurement.ts';
import { Purging } from './purging.ts';
import { redisConnections } from './redis-connections.ts';
import type { CacheConfig } from './redis-connections.ts';
import { SharedCache } from './shared-cache.ts';

export interface AnswerCacheOptions {
  readonly config: CacheConfig;
  /** Another one when answers given before may no longer hold, as with other targets. */
  readonly epoch: string;
  readonly context: AppContext;
  readonly clock?: Clock;
}

/** Opens the cache. Throws a ConfigError for a key or password file that cannot be used; a Redis that is down is no fault. */
export async function createAnswerCache({
  config,
  epoch,
  context,
  clock = systemClock,
}: AnswerCacheOptions): Promise<AnswerCache> {
  const connections = redisConnections(config);
  const events = new CacheEvents(context, { shared: connections !== undefined });
  const shared = connections && (await SharedCache.open(config, connections, clock, events));
  const cache = new AnswerCache({ config, epoch, context, clock, events, shared });
  await shared?.start();
  return cache;
}

interface Parts extends Required<AnswerCacheOptions> {
  readonly events: CacheEvents;
  readonly shared: SharedCache | undefined;
}

/** The answers of targets: in this process first, then in Redis, then from the target, asked once for all who want to know. */
export class AnswerCache implements Answers, AsyncDisposable {
  readonly #clock: Clock;
  readonly #events: CacheEvents;
  readonly #local: LocalAnswers;
  readonly #flights = new Flights<Procured>();
  readonly #invalidations: Invalidations;
  readonly #procurement: Procurement;
  readonly #purging: Purging;
  readonly #shared: SharedCache | undefined;
  readonly #tallies = new Map<string, Tally>();

  constructor({ config, epoch, context, clock, events, shared }: Parts) {
    this.#clock = clock;
    this.#events = events;
    this.#shared = shared;
    this.#local = new LocalAnswers(config.max_bytes);
    this.#invalidations = new Invalidations(epoch, clock);
    this.#procurement = new Procurement(new FreshnessRules(clock), clock, shared?.answers);
    this.#purging = new Purging({
      local: this.#local,
      flights: this.#flights,
      invalidations: this.#invalidations,
      bus: context.bus,
      shared: shared?.purges,
    });
    events.observe(context, { tallies: this.#tallies, state: () => this.#local.state() });
  }

  async resolve(key: AnswerKey, policy: CachePolicy, ask: AskTarget, signal: AbortSignal): Promise<Outcome> {
    const tally = this.#tallyOf(key.target);
    const nowMs = this.#clock.now();
    const kept = this.#local.find(key.digest);
    const previous = kept !== undefined && matches(kept.freshness, key.requestHeaders) ? kept : undefined;
    if (previous !== undefined && nowMs < previous.freshness.freshUntilMs) {
      tally.hits += 1;
      return answered('cached', previous, nowMs);
    }
    const order: Order = { key, policy, ask, previous };
    if (previous !== undefined && nowMs < previous.freshness.staleWhileRevalidateUntilMs) {
      tally.stale += 1;
      this.#refresh(order);
      return stale(previous, nowMs);
    }
    const outcome = await this.#fetch(order, signal);
    if (outcome.kind === 'stale') tally.stale += 1;
    else if (outcome.kind === 'answered' && outcome.source === 'cached') tally.hits += 1;
    else tally.misses += 1;
    return outcome;
  }

  async purge({ instanceId, target }: { instanceId?: string; target?: string }): Promise<number> {
    // '' is how the wire says "any".
    const scope: Scope = { ...(instanceId && { instanceId }), ...(target && { target }) };
    return await this.#purging.purge(scope);
  }

  version(): number {
    return this.#invalidations.version;
  }

  watch(signal: AbortSignal): AsyncIterable<InvalidationEvent> {
    return this.#invalidations.watch(signal);
  }

  /** After a change of the configuration. Another epoch voids what was kept in this process. */
  setEpoch(epoch: string): void {
    if (epoch === this.#invalidations.epoch) return;
    this.#invalidations.epoch = epoch;
    this.#purging.forgetAll();
  }

  state(): ReturnType<Answers['state']> {
    return {
      ...this.#local.state(),
      shared: this.#shared !== undefined,
      sharedHealthy: this.#shared?.healthy === true,
    };
  }

  stats(target: string): Tally {
    return { ...this.#tallyOf(target) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#flights.ground();
    await this.#procurement.settle();
    await this.#shared?.[Symbol.asyncDispose]();
    this.#purging[Symbol.dispose]();
    this.#invalidations[Symbol.dispose]();
  }

  /** Joins or begins the shared request, for as long as this caller can wait. */
  async #fetch(order: Order, signal: AbortSignal): Promise<Outcome> {
    const serves = ({ freshness }: Answer): boolean =>
      matches(freshness, order.key.requestHeaders) &&
      this.#clock.now() < Math.max(freshness.freshUntilMs, freshness.staleWhileRevalidateUntilMs);
    const landing = await this.#flights.board(this.#plan(order, serves), signal);
    if (landing.kind === 'left') {
      return this.#present({ kind: 'failed', failure: endedBy(signal), previous: order.previous }, order);
    }
    const { result, first, outdated } = landing;
    const mine =
      first || result.kind === 'failed' || matches(result.answer.freshness, order.key.requestHeaders);
    // Who began the flight may have sent other values in the fields that Vary names.
    if (!mine) return this.#present(await this.#procurement.ask(order, signal), order);
    return this.#present(result, order, { merged: !first, outdated });
  }

  /** Gets a new answer while the old one serves: once, for all that it serves. */
  #refresh(order: Order): void {
    const serves = ({ freshness }: Answer): boolean =>
      matches(freshness, order.key.requestHeaders) && this.#clock.now() < freshness.freshUntilMs;
    const { work, ...plan } = this.#plan(order, serves);
    const told = async (flight: InFlight): Promise<Procured> => {
      try {
        return await work(flight);
      } catch (cause) {
        this.#events.backgroundFailed(cause);
        throw cause;
      }
    };
    this.#flights.launch({ ...plan, work: told });
  }

  #plan(order: Order, serves: (answer: Answer) => boolean): Plan<Procured> {
    const { key, policy } = order;
    const work = async (flight: InFlight): Promise<Procured> => {
      const procured = await this.#procurement.procure(order, serves, flight.signal);
      if (procured.kind === 'answer' && !flight.outdated) this.#keep(key, procured.answer);
      return procured;
    };
    return { id: key.digest, subject: key, timeoutMs: policy.flightTimeoutMs, work };
  }

  #keep(key: AnswerKey, answer: Answer): void {
    if (this.#clock.now() < answer.freshness.keepUntilMs) this.#local.keep(key.digest, key, answer);
    else this.#local.drop(key.digest); // what was kept before is void, too
  }

  #present(procured: Procured, order: Order, { merged = false, outdated = false } = {}): Outcome {
    const nowMs = this.#clock.now();
    if (procured.kind === 'failed') {
      const { failure, previous } = procured;
      const standsIn =
        previous !== undefined &&
        matches(previous.freshness, order.key.requestHeaders) &&
        mayReplace(failure, previous.freshness, order.policy, nowMs);
      return standsIn ? stale(previous, nowMs, failure) : { kind: 'failed', failure };
    }
    const { answer, from } = procured;
    const { freshUntilMs, staleWhileRevalidateUntilMs } = answer.freshness;
    if (from === 'shared-cache' && nowMs >= freshUntilMs && nowMs < staleWhileRevalidateUntilMs) {
      this.#refresh(order);
      return stale(answer, nowMs);
    }
    const outcome = answered(sourceOf(from, merged), answer, nowMs);
    // A purge has come in between: it answers those who asked before, and nobody after.
    return outdated ? { ...outcome, ttlSeconds: 0 } : outcome;
  }

  #tallyOf(target: string): Tally {
    let tally = this.#tallies.get(target);
    if (tally === undefined) {
      tally = { hits: 0, stale: 0, misses: 0 };
      this.#tallies.set(target, tally);
    }
    return tally;
  }
}

type Answered = Extract<Outcome, { kind: 'answered' }>;

function sourceOf(from: Extract<Procured, { kind: 'answer' }>['from'], merged: boolean): Answered['source'] {
  if (from === 'shared-cache' || from === 'confirmed') return 'cached';
  return merged || from === 'replica' ? 'shared' : 'fresh';
}

const answered = (source: Answered['source'], { json, freshness }: Answer, nowMs: number): Answered => ({
  kind: 'answered',
  source,
  json,
  ageSeconds: Math.max(0, nowMs - freshness.bornAtMs) / 1000,
  ttlSeconds: Math.max(0, freshness.freshUntilMs - nowMs) / 1000,
  lifetimeSeconds: freshness.statedLifetimeS,
});

const stale = ({ json, freshness }: Answer, nowMs: number, failure?: TargetFailure): Outcome => ({
  kind: 'stale',
  json,
  ageSeconds: Math.max(0, nowMs - freshness.bornAtMs) / 1000,
  lifetimeSeconds: freshness.statedLifetimeS,
  ...(failure && { failure }),
});
