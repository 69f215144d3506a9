import { expect, test } from '@jest/globals';
import { pauseAfterMs, scheduleLogin } from './login-schedule.ts';

test.each([
  { it: 'an hour: two minutes before, readers one', lifeSeconds: 3600, renewAt: 3480, useUntil: 3540 },
  { it: 'ten minutes: the same', lifeSeconds: 600, renewAt: 480, useUntil: 540 },
  { it: 'five minutes: a fifth of it before', lifeSeconds: 300, renewAt: 240, useUntil: 270 },
  { it: 'two seconds: likewise', lifeSeconds: 2, renewAt: 1.6, useUntil: 1.8 },
])('$it', ({ lifeSeconds, renewAt, useUntil }) => {
  const schedule = scheduleLogin(1_000_000, 1_000_000 + lifeSeconds * 1000);
  expect(schedule).toEqual({
    renewAtMs: 1_000_000 + renewAt * 1000,
    useUntilMs: 1_000_000 + useUntil * 1000,
  });
});

test('an outage is looked at every two seconds at most, a refusal every minute', () => {
  const pauses = (failure: 'unavailable' | 'refused'): number[] =>
    [1, 2, 3, 4, 5, 6, 7].map((count) => pauseAfterMs(failure, count));
  expect(pauses('unavailable')).toEqual([500, 1000, 2000, 2000, 2000, 2000, 2000]);
  expect(pauses('refused')).toEqual([2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
});
