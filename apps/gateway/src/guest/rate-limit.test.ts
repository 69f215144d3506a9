import { expect, test } from '@jest/globals';
import { RateLimit } from './rate-limit.ts';

test('a bucket fills at its rate, and no further than its size', () => {
  const limit = new RateLimit();
  const rate = { perSecond: 2, burst: 3 };
  const take = (nowMs: number) => limit.take('web', rate, nowMs);
  expect([take(0), take(0), take(0)]).toEqual([undefined, undefined, undefined]);
  expect(take(0)).toBeCloseTo(0.5);
  expect(take(250)).toBeCloseTo(0.25);
  expect(take(500)).toBeUndefined();
  expect([take(60_000), take(60_000), take(60_000)]).toEqual([undefined, undefined, undefined]);
  expect(take(60_000)).toBeCloseTo(0.5);
  expect(limit.take('db', rate, 60_000)).toBeUndefined();
});
