import { unavailable } from '@hallmark/errors';
import type { Outcome, TargetFailure } from './answer.ts';

/** What becomes of a document when a target fails. */
export type FailurePolicy = 'fatal' | 'omit' | 'stale';

/** Where a part came from. */
export type PartSource = 'fresh' | 'cached' | 'shared' | 'stale' | 'omitted' | 'composed';

/** What one target contributes to the document. */
export interface Part {
  readonly name: string;
  readonly json: Buffer;
  readonly source: PartSource;
  readonly elapsedMs: number;
  readonly ageSeconds: number;
  /** Zero: must not be reused. */
  readonly ttlSeconds: number;
  /** The life that the answer claims from its making. Undefined: it claims nothing. */
  readonly lifetimeSeconds?: number;
  readonly failure: TargetFailure | undefined;
}

/** What a target that has nothing to say contributes. */
export const NOTHING = Buffer.from('{}');

/**
 * What a target contributes, given what came of asking it. One that failed contributes nothing,
 * `{}`, as with Nova. (Where a stale answer may stand in, the outcome is no failure any more.)
 *
 * @throws HallmarkError `VENDORDATA_TARGET_FAILED` for a failure when the policy is `fatal`: then
 * there is no document.
 */
export function partFrom(name: string, policy: FailurePolicy, outcome: Outcome, elapsedMs: number): Part {
  switch (outcome.kind) {
    case 'answered': {
      const { json, source, ageSeconds, ttlSeconds, lifetimeSeconds } = outcome;
      return {
        ...{ name, json, source, elapsedMs, ageSeconds, ttlSeconds, lifetimeSeconds },
        failure: undefined,
      };
    }
    case 'stale': {
      const { json, ageSeconds, lifetimeSeconds, failure } = outcome;
      return {
        ...{ name, json, source: 'stale', elapsedMs, ageSeconds, ttlSeconds: 0, lifetimeSeconds },
        failure,
      };
    }
    case 'failed': {
      const { failure } = outcome;
      if (policy === 'fatal') throw fatal(name, failure);
      return { name, json: NOTHING, source: 'omitted', elapsedMs, ageSeconds: 0, ttlSeconds: 0, failure };
    }
  }
}

function fatal(target: string, { reason, message, retryAfterSeconds }: TargetFailure): Error {
  return unavailable('VENDORDATA_TARGET_FAILED', `Target "${target}" failed (${reason}): ${message}`, {
    retryAfterSeconds,
  });
}

/** For how long the whole may be reused: as its least fresh part. Without parts, not at all. */
export function reuseOf(parts: readonly Part[]): { ttlSeconds: number; ageSeconds: number } {
  if (parts.length === 0) return { ttlSeconds: 0, ageSeconds: 0 };
  return {
    ttlSeconds: Math.min(...parts.map((part) => part.ttlSeconds)),
    ageSeconds: Math.max(...parts.map((part) => part.ageSeconds)),
  };
}
