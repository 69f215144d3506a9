import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { unavailable } from '@hallmark/errors';
import { Patience, type Asker } from './patience.ts';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

function asker(remainingMs: number): Asker & { leave: (reason: Error) => void } {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    remainingMs: () => remainingMs,
    leave: (reason) => {
      controller.abort(reason);
    },
  };
}

test.each([
  { it: 'a share of little time is kept back', remainingMs: 1_000, limitMs: Infinity, endsAtMs: 900 },
  { it: 'of much time no more than is needed', remainingMs: 10_000, limitMs: Infinity, endsAtMs: 9_850 },
  { it: 'the limit counts when it is nearer', remainingMs: 10_000, limitMs: 4_500, endsAtMs: 4_500 },
])('$it', ({ remainingMs, limitMs, endsAtMs }) => {
  using patience = new Patience(asker(remainingMs), limitMs);
  jest.advanceTimersByTime(endsAtMs - 1);
  expect(patience.signal.aborted).toBe(false);
  jest.advanceTimersByTime(1);
  expect(patience.signal.reason).toMatchObject({ code: 'timeout', reason: 'TARGETS_TOO_SLOW' });
});

test('it ends with the caller, for the same reason', () => {
  const caller = asker(1_000);
  using patience = new Patience(caller);
  const reason = unavailable('CANCELLED', 'The caller hung up.');
  caller.leave(reason);
  expect(patience.signal.reason).toBe(reason);
  using late = new Patience(caller);
  expect(late.signal.reason).toBe(reason);
});

test('nothing is left behind when it is over', () => {
  const caller = asker(1_000);
  const patience = new Patience(caller);
  patience[Symbol.dispose]();
  jest.advanceTimersByTime(2_000);
  caller.leave(new Error('later'));
  expect(patience.signal.aborted).toBe(false);
  expect(jest.getTimerCount()).toBe(0);
});
