import { vendordata } from '@hallmark/contracts';
import { invalid } from '@hallmark/errors';
import type { TargetFailure } from '../domain/answer.ts';
import type { Freeze } from '../domain/freezing.ts';
import type { FailurePolicy, Part, PartSource } from '../domain/resolution.ts';
import { publicUrl } from '../domain/target-settings.ts';
import type { Answers } from '../domain/answer.ts';
import type { Question } from '../resolver.ts';
import type { BreakerState } from '../targets/guard.ts';
import type { Target } from '../targets/target.ts';

const { Contribution_Source: Source, Target_FailurePolicy: Policy, Target_Breaker: Breaker } = vendordata;
const { ResolveRequest_Document: Document, Freeze_ShortLived: ShortLived } = vendordata;

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

const secondsFromDuration = ({ seconds, nanos }: Duration): number =>
  seconds + nanos / (NANOS_PER_MS * MS_PER_SECOND);

/** @throws HallmarkError `DOCUMENT_INVALID` */
export function questionFromWire({ target, document, freeze }: vendordata.ResolveRequest): Question {
  const kind = documentFromWire(document);
  if (kind !== undefined && target !== '') {
    throw invalid('DOCUMENT_INVALID', `${kind} is made of all targets; "${target}" cannot be asked alone.`);
  }
  return { target, document: kind, freeze: freeze && freezeFromWire(freeze) };
}

function documentFromWire(document: vendordata.ResolveRequest_Document): Question['document'] {
  switch (document) {
    case Document.UNSPECIFIED:
      return undefined;
    case Document.VENDOR_DATA:
      return 'vendor_data.json';
    case Document.VENDOR_DATA2:
      return 'vendor_data2.json';
    default:
      throw invalid('DOCUMENT_INVALID', 'No such document is known here.');
  }
}

function freezeFromWire({ minLifetime, shortLived }: vendordata.Freeze): Freeze {
  return {
    minLifetimeSeconds: minLifetime ? secondsFromDuration(minLifetime) : 0,
    shortLived: shortLived === ShortLived.FATAL ? 'fatal' : shortLived === ShortLived.OMIT ? 'omit' : 'warn',
  };
}

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
