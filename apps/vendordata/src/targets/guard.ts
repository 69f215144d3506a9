import {
  BrokenCircuitError,
  bulkhead,
  BulkheadRejectedError,
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  handleWhenResult,
  TaskCancelledError,
  type BulkheadPolicy,
  type CircuitBreakerPolicy,
} from 'cockatiel';
import type { TargetFailure, TargetReply } from '../domain/answer.ts';
import type { TargetSettings } from '../domain/target-settings.ts';
import { brokenOff, failed } from './transport.ts';

export type BreakerState = 'closed' | 'half-open' | 'open';

/** A call that waits behind this many rounds of others will hardly be served before its deadline. */
const QUEUED_ROUNDS = 4;
/** A target that asks for more patience than this has made a mistake. */
const LONGEST_HOLD_MS = 3_600_000;
const MS_PER_SECOND = 1_000;

/** What a reply says about the target's health, which is less than what it says about the answer. */
type Verdict = 'sound' | 'outage' | 'unproven';

interface Judged {
  readonly reply: TargetReply;
  readonly verdict: Verdict;
}

/** Carries a reply that proves nothing past the breaker, which counts only what is returned. */
class Unproven extends Error {
  readonly reply: TargetReply;
  constructor(reply: TargetReply) {
    super('The reply proves nothing about the target.');
    this.reply = reply;
  }
}

export interface GuardLimits extends Pick<
  TargetSettings,
  'maxConcurrency' | 'breakerFailures' | 'breakerResetMs'
> {
  /** A time-out after less than this says more about the caller's haste than about the target. */
  readonly patienceMs: number;
}

/**
 * Stands before a target: bounds the calls to it at one time, leaves it alone while it is down,
 * then lets a single call through for trial, and waits as long as its `Retry-After` asks.
 */
export class Guard {
  readonly #limits: GuardLimits;
  readonly #bulkhead: BulkheadPolicy;
  readonly #breaker: CircuitBreakerPolicy;
  #openUntilMs = 0;
  #holdUntilMs = 0;

  constructor(limits: GuardLimits) {
    this.#limits = limits;
    this.#bulkhead = bulkhead(limits.maxConcurrency, limits.maxConcurrency * QUEUED_ROUNDS);
    this.#breaker = circuitBreaker(
      handleWhenResult((judged) => (judged as Judged).verdict === 'outage'),
      { halfOpenAfter: limits.breakerResetMs, breaker: new ConsecutiveBreaker(limits.breakerFailures) },
    );
    // The breaker reads the clock itself, so this class does too.
    this.#breaker.onBreak(() => {
      this.#openUntilMs = Date.now() + limits.breakerResetMs;
    });
  }

  get state(): BreakerState {
    switch (this.#breaker.state) {
      case CircuitState.Closed:
        return 'closed';
      case CircuitState.HalfOpen:
        return 'half-open';
      default:
        return 'open';
    }
  }

  /** When calls go through again. Undefined: they do. */
  get retryAtMs(): number | undefined {
    const atMs = Math.max(this.#holdUntilMs, this.state === 'open' ? this.#openUntilMs : 0);
    return atMs > Date.now() ? atMs : undefined;
  }

  /** Makes the call, or says why it is not made. */
  async run(call: () => Promise<TargetReply>, signal: AbortSignal): Promise<TargetReply> {
    // Asked here too, so that no call queues for a target that is left alone.
    const refusal = this.#refusal();
    if (refusal) return refusal;
    try {
      return await this.#bulkhead.execute(() => this.#throughBreaker(call), signal);
    } catch (error) {
      if (error instanceof TaskCancelledError) return brokenOff(signal);
      if (!(error instanceof BulkheadRejectedError)) throw error;
      return failed('BUSY', 'Too many requests to the target are under way already.', {
        retryAfterSeconds: 1,
      });
    }
  }

  async #throughBreaker(call: () => Promise<TargetReply>): Promise<TargetReply> {
    const refusal = this.#refusal();
    if (refusal) return refusal;
    try {
      const { reply } = await this.#breaker.execute(() => this.#judged(call));
      return reply;
    } catch (error) {
      if (error instanceof Unproven) return error.reply;
      if (error instanceof BrokenCircuitError) return this.#leftAlone();
      throw error;
    }
  }

  async #judged(call: () => Promise<TargetReply>): Promise<Judged> {
    const isTrial = this.state === 'half-open';
    const startedAt = performance.now();
    const reply = await call();
    this.#heedRetryAfter(reply);
    const verdict = this.#judge(reply, performance.now() - startedAt);
    if (verdict !== 'unproven') return { reply, verdict };
    // A trial that taught nothing must not close the breaker, so another one follows.
    if (isTrial) return { reply, verdict: 'outage' };
    throw new Unproven(reply);
  }

  #judge(reply: TargetReply, elapsedMs: number): Verdict {
    if (reply.kind !== 'failed') return 'sound';
    const { failure } = reply;
    switch (failure.reason) {
      case 'CONNECT_FAILED':
      case 'TLS_FAILED':
      case 'RESET':
      case 'TRUNCATED':
        return 'outage';
      case 'TIMEOUT':
        return elapsedMs >= this.#limits.patienceMs ? 'outage' : 'unproven';
      case 'STATUS':
        return isServerTrouble(failure) ? 'outage' : 'sound';
      case 'NOT_JSON':
      case 'TOO_LARGE':
      case 'REDIRECT':
      case 'UNAUTHORIZED':
        // The target is up and has considered this request. It may do better with the next
        // instance, and leaving it alone would cost that one its answer and relieve nobody.
        return 'sound';
      default:
        return 'unproven';
    }
  }

  #heedRetryAfter(reply: TargetReply): void {
    if (reply.kind !== 'failed' || reply.failure.retryAfterSeconds === undefined) return;
    const holdMs = Math.min(reply.failure.retryAfterSeconds * MS_PER_SECOND, LONGEST_HOLD_MS);
    this.#holdUntilMs = Math.max(this.#holdUntilMs, Date.now() + holdMs);
  }

  #refusal(): TargetReply | undefined {
    const now = Date.now();
    if (now < this.#holdUntilMs) {
      return failed('RETRY_AFTER', 'The target asked not to be called for a while.', {
        retryAfterSeconds: Math.ceil((this.#holdUntilMs - now) / MS_PER_SECOND),
      });
    }
    const isLeftAlone = this.state === 'half-open' || (this.state === 'open' && now < this.#openUntilMs);
    return isLeftAlone ? this.#leftAlone() : undefined;
  }

  #leftAlone(): TargetReply {
    const remainingMs = Math.max(0, this.#openUntilMs - Date.now());
    return failed('BREAKER_OPEN', 'The target failed several times in a row and is left alone for a while.', {
      retryAfterSeconds: Math.max(1, Math.ceil(remainingMs / MS_PER_SECOND)),
    });
  }
}

const isServerTrouble = ({ status = 0 }: TargetFailure): boolean => status >= 500 || status === 429;
