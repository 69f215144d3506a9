import { describe, expect, test } from '@jest/globals';
import type { Outcome } from './answer.ts';
import { partFrom, reuseOf, type FailurePolicy, type Part } from './resolution.ts';

const json = Buffer.from('{"a": 1}');
const failure = { reason: 'TIMEOUT', message: 'The target was silent.' } as const;
const failed: Outcome = { kind: 'failed', failure };

interface Case {
  it: string;
  policy: FailurePolicy;
  outcome: Outcome;
  part: Partial<Part>;
}

const cases: Case[] = [
  {
    it: 'an answer is contributed with what it says about itself',
    policy: 'fatal',
    outcome: { kind: 'answered', source: 'cached', json, ageSeconds: 7, ttlSeconds: 3 },
    part: { json, source: 'cached', ageSeconds: 7, ttlSeconds: 3, failure: undefined },
  },
  {
    it: 'a stale answer saves even a fatal target, and is never reused',
    policy: 'fatal',
    outcome: { kind: 'stale', json, ageSeconds: 90, failure },
    part: { json, source: 'stale', ageSeconds: 90, ttlSeconds: 0, failure },
  },
  {
    it: 'omit contributes {}',
    policy: 'omit',
    outcome: failed,
    part: { json: Buffer.from('{}'), source: 'omitted', ttlSeconds: 0, failure },
  },
  {
    it: 'stale with nothing to fall back on contributes {}',
    policy: 'stale',
    outcome: failed,
    part: { json: Buffer.from('{}'), source: 'omitted', failure },
  },
];

test.each(cases)('$it', ({ policy, outcome, part }) => {
  expect(partFrom('cmdb', policy, outcome, 12)).toMatchObject({ name: 'cmdb', elapsedMs: 12, ...part });
});

test('fatal leaves no document, and says which target failed and when to come back', () => {
  const refused: Outcome = { kind: 'failed', failure: { ...failure, retryAfterSeconds: 7 } };
  expect(() => partFrom('cmdb', 'fatal', refused, 12)).toThrow(
    expect.objectContaining({
      code: 'unavailable',
      reason: 'VENDORDATA_TARGET_FAILED',
      message: 'Target "cmdb" failed (TIMEOUT): The target was silent.',
      retryAfterSeconds: 7,
    }),
  );
});

describe('the whole may be reused', () => {
  const part = (ttlSeconds: number, ageSeconds: number): Part => ({
    ...{ name: 'x', json, source: 'fresh', elapsedMs: 1, failure: undefined },
    ttlSeconds,
    ageSeconds,
  });

  test('as long as its least fresh part, and is as old as its oldest', () => {
    expect(reuseOf([part(60, 1), part(20, 0), part(40, 5)])).toEqual({ ttlSeconds: 20, ageSeconds: 5 });
  });

  test('not at all when one part may not be, or when there is none', () => {
    expect(reuseOf([part(60, 0), part(0, 0)]).ttlSeconds).toBe(0);
    expect(reuseOf([])).toEqual({ ttlSeconds: 0, ageSeconds: 0 });
  });
});
