import { vendordata } from '@hallmark/contracts';
import type { TargetFailure } from '../domain/answer.ts';
import type { FailurePolicy, Part, PartSource } from '../domain/resolution.ts';
import { publicUrl } from '../domain/target-settings.ts';
import type { Answers } from '../domain/answer.ts';
import type { BreakerState } from '../targets/guard.ts';
import type { Target } from '../targets/target.ts';

const { Contribution_Source: Source, Target_FailurePolicy: Policy, Target_Breaker: Breaker } = vendordata;

const SOURCE = {
  fresh: Source.FRESH,
  cached: Source.CACHED,
  shared: Source.SHARED,
  stale: Source.STALE,
  omitted: Source.OMITTED,
  composed: Source.COMPOSED,
} satisfies Record<PartSource, vendordata.Contribution_Source>;

const FAILURE_POLICY = {
  fatal: Policy.FATAL,
  omit: Policy.OMIT,
  stale: Policy.STALE,
} satisfies Record<FailurePolicy, vendordata.Target_FailurePolicy>;

const BREAKER = {
  closed: Breaker.CLOSED,
  'half-open': Breaker.HALF_OPEN,
  open: Breaker.OPEN,
} satisfies Record<BreakerState, vendordata.Target_Breaker>;

const NANOS_PER_MS = 1_000_000;
const MS_PER_SECOND = 1_000;

type Duration = NonNullable<vendordata.Reuse['ttl']>;

export function durationFromMs(ms: number): Duration {
  const seconds = Math.floor(ms / MS_PER_SECOND);
  return { seconds, nanos: Math.floor((ms - seconds * MS_PER_SECOND) * NANOS_PER_MS) };
}

export const durationFromSeconds = (seconds: number): Duration => durationFromMs(seconds * MS_PER_SECOND);

export function contributionToWire(part: Part): vendordata.Contribution {
  return {
    name: part.name,
    json: part.json,
    source: SOURCE[part.source],
    elapsed: durationFromMs(part.elapsedMs),
    age: durationFromSeconds(part.ageSeconds),
    ttl: durationFromSeconds(part.ttlSeconds),
    failureReason: part.failure?.reason ?? '',
  };
}

export const failureToWire = ({ reason, message }: TargetFailure): vendordata.Failure => ({
  reason,
  message,
});

export function targetToWire(target: Target, cache: ReturnType<Answers['stats']>): vendordata.Target {
  const { settings } = target;
  const health = target.health();
  return {
    name: settings.name,
    url: publicUrl(settings),
    failurePolicy: FAILURE_POLICY[settings.failure],
    breaker: BREAKER[health.breaker],
    retryTime: dateFrom(health.retryAtMs),
    calls: health.calls,
    failures: health.failures,
    cacheHits: cache.hits,
    cacheStale: cache.stale,
    cacheMisses: cache.misses,
    lastFailure: health.lastFailure && failureToWire(health.lastFailure.failure),
    lastFailureTime: dateFrom(health.lastFailure?.atMs),
    lastSuccessTime: dateFrom(health.lastSuccessAtMs),
    inFlight: health.inFlight,
  };
}

const dateFrom = (ms: number | undefined): Date | undefined => (ms === undefined ? undefined : new Date(ms));
