import { afterEach, describe, expect, test } from '@jest/globals';
import { Invalidations } from './invalidations.ts';
import type { InvalidationEvent } from './invalidations.ts';

const clock = { nowMs: 1_000, now: (): number => clock.nowMs };
const never = new AbortController().signal;

let invalidations: Invalidations | undefined;
const begin = (): Invalidations => (invalidations = new Invalidations('epoch-1', clock));
afterEach(() => {
  invalidations?.[Symbol.dispose]();
  clock.nowMs = 1_000;
});

async function take(
  events: AsyncIterator<InvalidationEvent, void>,
  count: number,
): Promise<InvalidationEvent[]> {
  const taken: InvalidationEvent[] = [];
  while (taken.length < count) {
    const next = await events.next();
    if (next.done === true) break;
    if (next.value.kind !== 'heartbeat') taken.push(next.value);
  }
  return taken;
}

describe('versions', () => {
  test('are the time of day, and grow within a millisecond', () => {
    const clocked = begin();
    expect(clocked.version).toBe(1_000);
    clocked.announce({}, clocked.next());
    clocked.announce({}, clocked.next());
    expect(clocked.version).toBe(1_002);
    clock.nowMs = 5_000;
    clocked.announce({}, clocked.next());
    expect(clocked.version).toBe(5_000);
  });

  test('follow the newest of another replica', () => {
    const clocked = begin();
    clocked.announce({}, 9_000);
    expect(clocked.version).toBe(9_000);
    expect(clocked.next()).toBe(9_001);
  });

  test('grow also with one that comes late, so that answers begun before look older', () => {
    const clocked = begin();
    clocked.announce({}, 9_000);
    clocked.announce({}, 8_000);
    expect(clocked.version).toBe(9_001);
  });
});

describe('a watcher', () => {
  test('hears hello, then what happens', async () => {
    const told = begin();
    const events = told.watch(never);
    expect(await take(events, 1)).toEqual([{ kind: 'hello', version: 1_000, epoch: 'epoch-1' }]);
    told.announce({ target: 'cmdb' }, 2_000);
    told.announce({ instanceId: 'i' }, 3_000);
    expect(await take(events, 2)).toEqual([
      { kind: 'invalidated', version: 2_000, scope: { target: 'cmdb' } },
      { kind: 'invalidated', version: 3_000, scope: { instanceId: 'i' } },
    ]);
  });

  test('misses nothing that happens between its hello and its next look', async () => {
    const told = begin();
    const events = told.watch(never);
    await take(events, 1);
    for (let n = 0; n < 500; n += 1) told.announce({}, 2_000 + n);
    expect(await take(events, 500)).toHaveLength(500);
  });

  test('hears a heartbeat each second', async () => {
    const events = begin().watch(never);
    await events.next();
    expect(await events.next()).toEqual({ done: false, value: { kind: 'heartbeat', version: 1_000 } });
  });

  test('that is too far behind is let go, so that it starts anew', async () => {
    const told = begin();
    const events = told.watch(never);
    await take(events, 1);
    for (let n = 0; n < 5_000; n += 1) told.announce({}, 2_000 + n);
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });

  test('is let go when it asks for it, and when the process ends', async () => {
    const told = begin();
    const stop = new AbortController();
    const streams = [told.watch(stop.signal), told.watch(never)];
    const ends = streams.map(async (events) => {
      await take(events, 1);
      return await take(events, 1);
    });
    stop.abort();
    expect(await ends[0]).toEqual([]);
    told[Symbol.dispose]();
    expect(await ends[1]).toEqual([]);
  });
});
