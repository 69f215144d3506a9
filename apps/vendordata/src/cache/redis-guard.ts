import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen } from 'cockatiel';
import type { CircuitBreakerPolicy } from 'cockatiel';
import type { Clock } from '@hallmark/runtime';
import type { CacheEvents } from './cache-events.ts';

class RedisTimeout extends Error {
  override readonly name = 'RedisTimeout';
}

/** Memory that is full frees and fills again; one line for such a time, not one for each change. */
const QUIET_BEFORE_WRITABLE_MS = 5_000;

/**
 * All use of Redis goes through here and is bounded in time. After the first use that finds it silent
 * or gone, nobody tries until a probe has found it again: a dead Redis costs those who use it at that
 * moment one `redis_timeout`, and nobody after them.
 */
export class RedisGuard {
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #events: CacheEvents;
  readonly #onTrouble: (cause: unknown) => void;
  readonly #breaker: CircuitBreakerPolicy;
  #lastRefusalMs: number | undefined;

  constructor(timeoutMs: number, clock: Clock, events: CacheEvents, onTrouble: (cause: unknown) => void) {
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
    this.#events = events;
    this.#onTrouble = onTrouble;
    this.#breaker = circuitBreaker(
      handleWhen((error) => troubleOf(error) !== 'refused'),
      // Half-open at once, because only probes get that far, and they keep their own time.
      { halfOpenAfter: 0, breaker: new ConsecutiveBreaker(1) },
    );
  }

  /** Does something with Redis. Undefined: it did not come about, do without. */
  async attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (this.#breaker.state !== CircuitState.Closed) return undefined;
    return await this.#bounded(work);
  }

  /** Does it even though Redis was lost; when it comes about, Redis is in use again. */
  async probe<T>(work: () => Promise<T>): Promise<T | undefined> {
    return await this.#bounded(work);
  }

  /** Redis answered, but would not write; what it holds is still good. */
  refused(cause: unknown): void {
    this.#events.redisFailed('refused');
    if (this.#lastRefusalMs === undefined) this.#events.writesRefused(cause);
    this.#lastRefusalMs = this.#clock.now();
  }

  written(): void {
    if (this.#lastRefusalMs === undefined) return;
    if (this.#clock.now() - this.#lastRefusalMs < QUIET_BEFORE_WRITABLE_MS) return;
    this.#lastRefusalMs = undefined;
    this.#events.writesAccepted();
  }

  async #bounded<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await this.#breaker.execute(() => within(this.#timeoutMs, work()));
    } catch (error) {
      const trouble = troubleOf(error);
      if (trouble === 'refused') {
        this.refused(error);
      } else {
        this.#events.redisFailed(trouble);
        // What is wrong with a connection, the connection itself says better.
        if (trouble === 'timeout' || isReply(error)) this.#onTrouble(error);
      }
      return undefined;
    }
  }
}

/**
 * A timer that rings late by more than this tells that the process was busy, and what Redis has answered
 * meanwhile is not read yet.
 */
const LATE_MS = 20;

/** Time in which this process was too busy to listen does not count, or Redis would be blamed for it. */
async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  let timer: NodeJS.Timeout | undefined;
  const wait = (ms: number): void => {
    const dueMs = performance.now() + ms;
    timer = setTimeout(() => {
      const lateMs = performance.now() - dueMs;
      if (lateMs > LATE_MS) wait(Math.min(lateMs, timeoutMs));
      else reject(new RedisTimeout(`no answer in ${timeoutMs} ms`));
    }, ms);
  };
  wait(timeoutMs);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

// Error replies that say "not now" or "not you" rather than "not this".
const UNUSABLE = /^(?:LOADING|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|BUSY|UNKILLABLE|NOAUTH|WRONGPASS)\b/;

function troubleOf(error: unknown): 'timeout' | 'connection' | 'refused' {
  if (!(error instanceof Error)) return 'connection';
  if (error instanceof RedisTimeout || error.message === 'Command timed out') return 'timeout';
  return isReply(error) && !UNUSABLE.test(error.message) ? 'refused' : 'connection';
}

/** An error that Redis answered. */
const isReply = (error: unknown): boolean => error instanceof Error && error.name === 'ReplyError';
