import { beforeEach, describe, expect, test } from '@jest/globals';
import { HotCache, type Made } from './hot-cache.ts';

interface Note {
  readonly about: string;
  readonly text: string;
}

const LOST_TTL_MS = 1_000;
const live = new AbortController().signal;

let nowMs: number;
let evicted: number;
let cache: HotCache<Note, string>;

const make = (maxBytes = 1_000_000, isOutage?: (failure: unknown) => boolean): HotCache<Note, string> =>
  new HotCache({
    maxBytes,
    ...(isOutage && { isOutage }),
    lostTtlMs: LOST_TTL_MS,
    now: () => nowMs,
    onEvicted: () => (evicted += 1),
    rule: {
      groupsOf: (note) => [note.about],
      groupOf: (about) => about || undefined,
      concerns: (about, note) => about === '' || about === note.about,
    },
  });

const made = (about: string, given: Partial<Made<Note>> = {}): Made<Note> => ({
  answer: { about, text: `about ${about}` },
  ttlMs: 10_000,
  version: 100,
  bytes: 100,
  ...given,
});

const keep = async (key: string, given: Made<Note>): Promise<void> => {
  await cache.obtain(key, live, () => Promise.resolve(given));
};
const has = (key: string): boolean => cache.find(key, nowMs) !== undefined;

beforeEach(() => {
  nowMs = 50_000;
  evicted = 0;
  cache = make();
  cache.hello('e1', 100);
});

describe('the life of an answer', () => {
  test('is as long as allowed, and not a moment longer', async () => {
    await keep('k', made('x', { ttlMs: 10_000 }));
    nowMs += 9_999;
    expect(cache.find('k', nowMs)?.text).toBe('about x');
    nowMs += 1;
    expect(has('k')).toBe(false);
  });

  test('begins when it was asked for, not when it came', async () => {
    await cache.obtain('k', live, () => {
      nowMs += 4_000;
      return Promise.resolve(made('x', { ttlMs: 10_000 }));
    });
    nowMs += 5_999;
    expect(has('k')).toBe(true);
    nowMs += 1;
    expect(has('k')).toBe(false);
  });

  test('is none without permission', async () => {
    await keep('k', made('x', { ttlMs: 0 }));
    expect(has('k')).toBe(false);
    expect(cache.entries).toBe(0);
  });

  test('is over when it came too late', async () => {
    await cache.obtain('k', live, () => {
      nowMs += 2_000;
      return Promise.resolve(made('x', { ttlMs: 1_500 }));
    });
    expect(cache.entries).toBe(0);
  });
});

describe('memory', () => {
  test('is bounded: the least used make room', async () => {
    cache = make(10_000);
    cache.hello('e1', 100);
    for (let i = 0; i < 50; i++) await keep(`k${i}`, made(`x${i}`, { bytes: 1_300 }));
    expect(cache.bytes).toBeLessThanOrEqual(10_000);
    expect(cache.entries).toBe(5);
    expect(evicted).toBe(45);
    expect(has('k49')).toBe(true);
  });

  test('takes no answer that is larger than all of it', async () => {
    cache = make(10_000);
    cache.hello('e1', 100);
    await keep('small', made('x'));
    await keep('large', made('x', { bytes: 20_000 }));
    expect([has('small'), has('large')]).toEqual([true, false]);
  });

  test('may be none', async () => {
    cache = make(0);
    cache.hello('e1', 100);
    await keep('k', made('x'));
    expect(has('k')).toBe(false);
  });

  test('forgets the groups of what it dropped', async () => {
    await keep('k', made('x'));
    await keep('k', made('y'));
    cache.invalidated('x', 101);
    expect(has('k')).toBe(true);
    cache.invalidated('y', 102);
    expect(has('k')).toBe(false);
  });
});

describe('an invalidation', () => {
  test('drops what it concerns and nothing else', async () => {
    await keep('a1', made('a'));
    await keep('a2', made('a'));
    await keep('b', made('b'));
    cache.invalidated('a', 101);
    expect([has('a1'), has('a2'), has('b')]).toEqual([false, false, true]);
  });

  test('of everything drops everything', async () => {
    await keep('a', made('a'));
    await keep('b', made('b'));
    cache.invalidated('', 101);
    expect(cache.entries).toBe(0);
  });

  test('keeps out an answer that was begun before it', async () => {
    cache.invalidated('x', 101);
    await keep('k', made('x', { version: 100 }));
    expect(has('k')).toBe(false);
    await keep('k', made('x', { version: 101 }));
    expect(has('k')).toBe(true);
  });

  test('keeps out an answer that is on its way while it comes', async () => {
    await cache.obtain('k', live, () => {
      cache.invalidated('x', 101);
      return Promise.resolve(made('x', { version: 100 }));
    });
    expect(has('k')).toBe(false);
  });

  test('lets in older answers that it does not concern', async () => {
    cache.invalidated('x', 101);
    await keep('k', made('y', { version: 100 }));
    expect(has('k')).toBe(true);
  });

  test('keeps the next request from joining one that was asked before', async () => {
    const first = Promise.withResolvers<Made<Note>>();
    const before = cache.obtain('k', live, () => first.promise);
    cache.invalidated('x', 101);
    const after = await cache.obtain('k', live, () => Promise.resolve(made('x', { version: 101 })));
    first.resolve(made('x', { version: 100, answer: { about: 'x', text: 'old' } }));
    expect((await before).answer.text).toBe('old');
    expect(after.shared).toBe(false);
    expect(cache.find('k', nowMs)?.text).toBe('about x');
  });

  test('is remembered beyond a thousand others, for as long as replicas may disagree', async () => {
    cache.invalidated('x', 101);
    for (let version = 102; version < 1_200; version++) cache.invalidated(`other-${version}`, version);
    await keep('k', made('x', { version: 100 }));
    nowMs += LOST_TTL_MS;
    expect(has('k')).toBe(false);
    nowMs += 5_000;
    await keep('k', made('z', { version: 100 }));
    nowMs += LOST_TTL_MS;
    expect(has('k')).toBe(true);
  });
});

describe('a lost watch', () => {
  test('drops everything at once', async () => {
    await keep('k', made('x'));
    cache.lost();
    expect(has('k')).toBe(false);
    expect(cache.entries).toBe(0);
  });

  test('shortens lives until it is back', async () => {
    cache.lost();
    await keep('k', made('x', { ttlMs: 10_000 }));
    nowMs += LOST_TTL_MS - 1;
    expect(has('k')).toBe(true);
    nowMs += 1;
    expect(has('k')).toBe(false);
    cache.hello('e1', 100);
    await keep('k', made('x', { ttlMs: 10_000 }));
    nowMs += 9_999;
    expect(has('k')).toBe(true);
  });

  test('does not lengthen lives', async () => {
    cache.lost();
    await keep('k', made('x', { ttlMs: 300 }));
    nowMs += 300;
    expect(has('k')).toBe(false);
  });

  test('shortens lives before it was ever there', async () => {
    cache = make();
    await keep('k', made('x'));
    nowMs += LOST_TTL_MS;
    expect(has('k')).toBe(false);
  });
});

describe('an outage', () => {
  const outage = new Error('Nobody can be asked.');
  const ask = async (failure: Error): Promise<string> => {
    const { answer } = await cache.obtain('k', live, () => Promise.reject(failure));
    return answer.text;
  };

  beforeEach(async () => {
    cache = make(1_000_000, (failure) => failure === outage);
    cache.hello('e1', 100);
    await keep('k', made('x', { ttlMs: 10_000 }));
    cache.lost();
  });

  test('is bridged with what was known, for a moment each time', async () => {
    expect(has('k')).toBe(false);
    expect(await ask(outage)).toBe('about x');
    nowMs += LOST_TTL_MS - 1;
    expect(has('k')).toBe(true);
    nowMs += 1;
    expect(has('k')).toBe(false);
    expect(await ask(outage)).toBe('about x');
  });

  test('is bridged no longer than the answer lives', async () => {
    nowMs += 9_500;
    expect(await ask(outage)).toBe('about x');
    nowMs += 500;
    expect(has('k')).toBe(false);
    await expect(ask(outage)).rejects.toBe(outage);
  });

  test('is the only failure that is', async () => {
    const refusal = new Error('There is none.');
    await expect(ask(refusal)).rejects.toBe(refusal);
  });

  test.each([
    ['the watch is back and something has changed', () => cache.hello('e1', 101)],
    ['another life of the service has begun', () => cache.hello('e2', 100)],
    ['it is taken back', () => cache.invalidated('x', 101)],
  ])('is not bridged when %s', async (_what, happen) => {
    happen();
    await expect(ask(outage)).rejects.toBe(outage);
  });

  test('without the wish for it is a failure like another', async () => {
    cache = make();
    cache.hello('e1', 100);
    await keep('k', made('x'));
    cache.lost();
    await expect(ask(outage)).rejects.toBe(outage);
  });
});

describe('a watch that begins', () => {
  test.each([
    ['where the last one ended', 'e1', 100, true],
    ['with another epoch', 'e2', 100, false],
    ['with a newer version', 'e1', 101, false],
    ['with an older version', 'e1', 99, false],
  ])('%s', async (_how, epoch, version, keeps) => {
    await keep('k', made('x'));
    cache.hello(epoch, version);
    expect(has('k')).toBe(keeps);
  });

  test('trusts answers of its version, and older ones only when replicas have had time to agree', async () => {
    cache.hello('e1', 200);
    await keep('new', made('x', { version: 200 }));
    await keep('old', made('x', { version: 100 }));
    nowMs += LOST_TTL_MS;
    expect([has('new'), has('old')]).toEqual([true, false]);
    nowMs += 5_000;
    await keep('old', made('x', { version: 100 }));
    nowMs += LOST_TTL_MS;
    expect(has('old')).toBe(true);
  });
});

describe('a heartbeat', () => {
  test('of the version that is known changes nothing', async () => {
    await keep('k', made('x'));
    cache.heartbeat(100);
    expect(has('k')).toBe(true);
  });

  test('of another version means that an event was missed', async () => {
    await keep('k', made('x'));
    cache.heartbeat(101);
    expect(has('k')).toBe(false);
  });

  test('knows the events that came', async () => {
    cache.invalidated('y', 105);
    cache.invalidated('y', 103);
    await keep('k', made('x', { version: 105 }));
    cache.heartbeat(105);
    expect(has('k')).toBe(true);
  });
});
