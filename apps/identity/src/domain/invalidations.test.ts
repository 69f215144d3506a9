import { describe, expect, jest, test } from '@jest/globals';
import { Invalidations, type InvalidationEvent } from './invalidations.ts';
import { digestOf } from './token-digest.ts';

const A = digestOf('a');
const B = digestOf('b');

type Events = AsyncGenerator<InvalidationEvent, void, undefined>;

async function next(events: Events): Promise<InvalidationEvent | undefined> {
  const result = await events.next();
  return result.done ? undefined : result.value;
}

describe('the version', () => {
  test('is the time, and grows with each announcement even when the clock does not', () => {
    let now = 1000;
    const invalidations = new Invalidations('e1', () => now);
    expect(invalidations.version).toBe(1000);
    expect([invalidations.announce(A), invalidations.announce(B)]).toEqual([1001, 1002]);
    now = 5000;
    expect(invalidations.announce(A)).toBe(5000);
    now = 4000;
    expect(invalidations.announce(A)).toBe(5001);
  });

  test('is the greatest that any process has announced', () => {
    const invalidations = new Invalidations('e1', () => 1000);
    invalidations.learn(A, 7000);
    invalidations.learn(B, 6000);
    expect(invalidations.version).toBe(7000);
  });
});

describe('a watch', () => {
  test('begins with hello and tells what is announced here and elsewhere', async () => {
    const invalidations = new Invalidations('e1', () => 1000);
    const events = invalidations.watch(new AbortController().signal);

    expect(await next(events)).toEqual({ kind: 'hello', epoch: 'e1', version: 1000 });
    invalidations.announce(A);
    invalidations.learn(B, 2000);
    expect(await next(events)).toEqual({ kind: 'invalidated', digest: A, version: 1001 });
    expect(await next(events)).toEqual({ kind: 'invalidated', digest: B, version: 2000 });
    await events.return();
    expect(invalidations.watchers).toBe(0);
  });

  test('is told to forget all when another epoch begins', async () => {
    const invalidations = new Invalidations('e1', () => 1000);
    const events = invalidations.watch(new AbortController().signal);
    await next(events);
    invalidations.begin('e2');
    expect(await next(events)).toEqual({ kind: 'invalidated', digest: undefined, version: 1001 });
    const later = invalidations.watch(new AbortController().signal);
    expect(await next(later)).toEqual({ kind: 'hello', epoch: 'e2', version: 1001 });
    await Promise.all([events.return(), later.return()]);
  });

  test('beats once a second when there is nothing to tell, and ends with its signal', async () => {
    jest.useFakeTimers();
    try {
      const invalidations = new Invalidations('e1', () => 1000);
      const stop = new AbortController();
      const events = invalidations.watch(stop.signal);
      await next(events);
      const beat = next(events);
      await jest.advanceTimersByTimeAsync(1000);
      expect(await beat).toEqual({ kind: 'heartbeat', version: 1000 });
      const end = next(events);
      await jest.advanceTimersByTimeAsync(0);
      stop.abort();
      expect(await end).toBeUndefined();
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  test('that is not read is told to forget all instead of growing without bound', async () => {
    const invalidations = new Invalidations('e1', () => 1000);
    const events = invalidations.watch(new AbortController().signal);
    await next(events);
    for (let count = 0; count < 1001; count++) invalidations.announce(A);
    invalidations.announce(B);
    expect(await next(events)).toEqual({ kind: 'invalidated', version: 2001 });
    expect(await next(events)).toEqual({ kind: 'invalidated', digest: B, version: 2002 });
    await events.return();
  });
});
