import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { describeWithDocker, useRedis, waitFor } from '@hallmark/testing';
import { readFile, writeFile } from 'node:fs/promises';
import type { InvalidationEvent } from '../src/cache/invalidations.ts';
import {
  Replica,
  Target,
  UNHURRIED,
  aKey,
  aKeyFile,
  aSealingKey,
  failure,
  notModified,
  patient,
  reply,
  sourceOf,
  textOf,
} from './cache-replica.ts';

jest.setTimeout(60_000);

describeWithDocker('two replicas with one Redis', () => {
  const redis = useRedis();
  let keys: Awaited<ReturnType<typeof aKeyFile>>;
  let one: Replica;
  let other: Replica;

  beforeAll(async () => {
    keys = await aKeyFile();
  });
  afterAll(async () => {
    await keys[Symbol.asyncDispose]();
  });
  const replica = (keyFile = keys.path): Promise<Replica> =>
    Replica.start({ config: [`redis_url = ${redis.current.url}`, `key_file = ${keyFile}`, ...UNHURRIED] });
  beforeEach(async () => {
    await redis.current.command('flushall');
    [one, other] = await Promise.all([replica(), replica()]);
  });
  afterEach(async () => {
    await Promise.all([one[Symbol.asyncDispose](), other[Symbol.asyncDispose]()]);
  });

  const allKeys = async (): Promise<string[]> =>
    (await redis.current.command('--scan')).split('\n').filter((name) => name !== '');
  /** Every value in Redis, whatever its type, as one text. */
  const allValues = async (): Promise<string> => {
    const values = await Promise.all(
      (await allKeys()).map(async (name) => {
        const type = await redis.current.command('type', name);
        return await redis.current.command(...(type === 'hash' ? ['hgetall', name] : ['get', name]));
      }),
    );
    return values.join('\n');
  };
  /** Until the answer of a finished request is where the other replica finds it. */
  const untilStored = (): Promise<unknown> =>
    waitFor('the answer to be in Redis', async () =>
      (await allKeys()).some((name) => name.includes(':answer:')),
    );

  test('share what one of them was told', async () => {
    const target = new Target(
      reply('{"n": 12345678901234567890}', { 'cache-control': 'max-age=60', age: '10' }),
    );
    const key = aKey();
    await one.resolve(key, target);
    await untilStored();
    const shared = await other.resolve(key, target);
    expect(textOf(shared)).toBe('{"n": 12345678901234567890}');
    expect(shared).toMatchObject({ source: 'cached' });
    expect(shared.kind === 'answered' && shared.ttlSeconds).toBeLessThanOrEqual(50);
    expect(shared.kind === 'answered' && shared.ttlSeconds).toBeGreaterThan(30);
    expect(target.asked).toHaveLength(1);
  });

  test.each([
    { it: 'an answer that may be kept', answer: reply('{"n": 1}'), text: '{"n": 1}' },
    { it: 'one that may not', answer: reply('{"n": 1}', 'no-store'), text: '{"n": 1}' },
    { it: 'a failure', answer: failure(), text: 'CONNECT_FAILED' },
  ])('ask once for 200 identical requests, though it be $it', async ({ answer, text }) => {
    const target = new Target(answer);
    const key = aKey();
    const open = target.close();
    const all = Promise.all(
      Array.from({ length: 200 }, (_, n) => (n % 2 === 0 ? one : other).resolve(key, target)),
    );
    await waitFor('both replicas to be at it', async () =>
      (await allKeys()).some((name) => name.includes(':waiting:')),
    );
    open();
    const outcomes = await all;
    expect(new Set(outcomes.map(textOf))).toEqual(new Set([text]));
    expect(target.asked).toHaveLength(1);
    if (answer.kind === 'answered') {
      expect(outcomes.filter((outcome) => sourceOf(outcome) === 'fresh')).toHaveLength(1);
      // Who looks again just when it is stored finds it before being told.
      expect(outcomes.every((outcome) => ['fresh', 'shared', 'cached'].includes(sourceOf(outcome)))).toBe(
        true,
      );
    }
  });

  test('one asks when the other, which began, is gone', async () => {
    const target = new Target(reply('{"n": 1}'));
    target.close();
    const key = aKey();
    const caller = new AbortController();
    const began = one.resolve(key, target, { signal: caller.signal });
    await waitFor('the first to ask', () => target.asked.length === 1);
    const waiting = other.resolve(key, new Target(reply('{"n": 2}')));
    caller.abort();
    expect(textOf(await began)).toBe('CANCELLED');
    expect(textOf(await waiting)).toBe('{"n": 2}');
  });

  test('one asks when the other was killed while it asked', async () => {
    const target = new Target(reply('{"n": 1}'));
    const key = aKey();
    // What a killed leader leaves behind is its lock.
    target.close();
    const began = one.resolve(key, target, { flightTimeoutMs: 60_000 });
    const lock = await waitFor('the lock', async () =>
      (await allKeys()).find((name) => name.includes(':lock:')),
    );
    await redis.current.command('set', lock, 'somebody-who-is-dead', 'px', '1000');
    const startedMs = Date.now();
    expect(textOf(await other.resolve(key, new Target(reply('{"n": 2}'))))).toBe('{"n": 2}');
    expect(Date.now() - startedMs).toBeLessThan(10_000);
    target.answer = failure();
    void began;
  });

  test('the one that leads stays the leader for as long as it asks', async () => {
    const target = new Target(reply('{"n": 1}'));
    const key = aKey();
    const open = target.close();
    const began = one.resolve(key, target, { flightTimeoutMs: 30_000 });
    await waitFor('the first to ask', () => target.asked.length === 1);
    const spare = new Target(reply('{"n": 2}'));
    const waiting = other.resolve(key, spare, { flightTimeoutMs: 30_000 });
    setTimeout(open, 4_500); // twice the life of a lock that is not renewed
    expect([textOf(await began), textOf(await waiting)]).toEqual(['{"n": 1}', '{"n": 1}']);
    expect(spare.asked).toHaveLength(0);
  });

  test('a breaker that is open in one does not keep the other from asking', async () => {
    const held = new Target(failure('BREAKER_OPEN'));
    const open = held.close();
    const key = aKey();
    const began = one.resolve(key, held);
    await waitFor('the first to ask', () => held.asked.length === 1);
    const waiting = other.resolve(key, new Target(reply('{"n": 2}')));
    await waitFor('the second to wait', async () =>
      (await allKeys()).some((name) => name.includes(':waiting:')),
    );
    open();
    expect(textOf(await began)).toBe('BREAKER_OPEN');
    expect(textOf(await waiting)).toBe('{"n": 2}');
  });

  test('who waits leaves at its own deadline', async () => {
    const target = new Target(reply('{"n": 1}'));
    const open = target.close();
    const key = aKey();
    const began = one.resolve(key, target);
    await waitFor('the first to ask', () => target.asked.length === 1);
    const outcome = await other.resolve(key, target, { signal: AbortSignal.timeout(100) });
    expect(outcome).toMatchObject({ kind: 'failed', failure: { reason: 'TIMEOUT' } });
    open();
    expect(textOf(await began)).toBe('{"n": 1}');
    expect(target.asked).toHaveLength(1);
  });

  test('confirm what the other was told', async () => {
    const target = new Target(reply('{"n": 1}', { 'cache-control': 'no-cache', etag: '"1"' }));
    const key = aKey();
    await one.resolve(key, target);
    await untilStored();
    target.answer = notModified();
    expect(textOf(await other.resolve(key, target))).toBe('{"n": 1}');
    expect(target.asked).toEqual([{}, { 'if-none-match': '"1"' }]);
  });

  test('serve what the other was told in place of a failure, and while it is renewed', async () => {
    const target = new Target(reply('{"n": 1}', 'max-age=1, stale-while-revalidate=20, stale-if-error=600'));
    const key = aKey();
    await one.resolve(key, target);
    await untilStored();
    other.clock.skip(10);
    target.answer = failure();
    const open = target.close();
    expect(await other.resolve(key, target)).toMatchObject({ kind: 'stale' });
    await waitFor('the renewal', () => target.asked.length === 2);
    open();
    other.clock.skip(60);
    expect(await other.resolve(key, target)).toMatchObject({
      kind: 'stale',
      failure: { reason: 'CONNECT_FAILED' },
    });
  });

  test('serve what a third was told in place of the failure that one of them met', async () => {
    const target = new Target(reply('{"n": 1}', 'max-age=1, stale-if-error=600'));
    const key = aKey();
    await using third = await replica();
    await third.resolve(key, target);
    await untilStored();
    for (const { clock } of [one, other]) clock.skip(5);
    target.answer = failure();
    const open = target.close();
    const outcomes = [one.resolve(key, target), other.resolve(key, target)];
    await waitFor('one to wait for the other', async () =>
      (await allKeys()).some((name) => name.includes(':waiting:')),
    );
    open();
    expect((await Promise.all(outcomes)).map(sourceOf)).toEqual(['stale', 'stale']);
    expect(target.asked).toHaveLength(2);
  });

  test('renew an old answer once for both', async () => {
    const target = new Target((n) => reply(`{"n": ${n}}`, 'max-age=1, stale-while-revalidate=60'));
    const key = aKey();
    await one.resolve(key, target);
    await untilStored();
    await other.resolve(key, target);
    for (const { clock } of [one, other]) clock.skip(5);
    const open = target.close();
    expect(sourceOf(await one.resolve(key, target))).toBe('stale');
    expect(sourceOf(await other.resolve(key, target))).toBe('stale');
    await waitFor('the second to wait', async () =>
      (await allKeys()).some((name) => name.includes(':waiting:')),
    );
    open();
    for (const each of [one, other]) {
      await waitFor('the newer answer', async () => textOf(await each.resolve(key, target)) === '{"n": 2}');
    }
    expect(target.asked).toHaveLength(2);
  });

  test('do not share what Vary tells apart', async () => {
    const target = new Target((n) => reply(`{"n": ${n}}`, { 'cache-control': 'max-age=60', vary: 'x-tier' }));
    const gold = aKey({ requestHeaders: { 'x-tier': 'gold' } });
    const silver = { ...gold, requestHeaders: { 'x-tier': 'silver' } };
    await one.resolve(gold, target);
    await untilStored();
    expect(textOf(await other.resolve(silver, target))).toBe('{"n": 2}');
    // The newer one has taken the place of the older.
    await waitFor('it to be shared', async () => {
      await using third = await replica();
      return textOf(await third.resolve(silver, target)) === '{"n": 2}';
    });
  });

  test('what is no longer to be kept leaves Redis, too', async () => {
    const target = new Target(reply('{"n": 1}', 'max-age=1, stale-if-error=600'));
    const key = aKey();
    await one.resolve(key, target);
    await untilStored();
    other.clock.skip(5);
    target.answer = reply('{"n": 2}', 'no-store');
    await other.resolve(key, target);
    await waitFor('it to be gone', async () => !(await allKeys()).some((name) => name.includes(':answer:')));
  });

  test('nothing in Redis can be read, every key has an end, and no id is a name', async () => {
    const target = new Target(
      reply('{"root_password": "hunter2"}', { 'cache-control': 'max-age=60', etag: '"tag-7"' }),
    );
    const key = aKey({ target: 'secret-target', url: 'http://secret-host.example/' });
    await one.resolve(key, target);
    await untilStored();
    await one.cache.purge({ instanceId: 'another' });
    const names = await allKeys();
    const everything = `${names.join('\n')}\n${await allValues()}`;
    for (const word of [
      'hunter2',
      'root_password',
      'tag-7',
      'secret-target',
      'secret-host',
      key.instanceId,
    ]) {
      expect(everything).not.toContain(word);
    }
    const answer = names.find((name) => name.includes(':answer:')) ?? '';
    expect(Number(await redis.current.command('pttl', answer))).toBeGreaterThan(80_000_000); // an ETag keeps it a day
    // As long as the tokens without which it is not found.
    const tokens = names.find((name) => name.includes(':tokens:{')) ?? '';
    expect(Number(await redis.current.command('pttl', tokens))).toBeGreaterThan(80_000_000);
    for (const name of names) expect(Number(await redis.current.command('pttl', name))).toBeGreaterThan(0);
    expect(names.every((name) => name.startsWith('hallmark:v1:'))).toBe(true);
  });

  test('an answer that somebody put under another name is not taken', async () => {
    const [mine, yours] = [aKey(), aKey()];
    await one.resolve(mine, new Target(reply('{"mine": 1}')));
    await untilStored();
    const [answer = ''] = (await allKeys()).filter((name) => name.includes(':answer:'));
    await redis.current.command('copy', answer, answer.replace(mine.digest, yours.digest));
    const target = new Target(reply('{"yours": 1}'));
    expect(textOf(await other.resolve({ ...yours, instanceId: mine.instanceId }, target))).toBe(
      '{"yours": 1}',
    );
  });

  test('a key is rotated without a restart, and the old one still opens', async () => {
    const key = aKey();
    const target = new Target(reply('{"n": 1}'));
    await one.resolve(key, target);
    await untilStored();
    const old = await readFile(keys.path, 'utf8');
    await writeFile(keys.path, `${aSealingKey()}\n${old}`);
    for (const each of [one, other]) {
      await waitFor('the keys to be read again', () => each.logged.includes('sealing keys read again'));
    }
    expect(sourceOf(await other.resolve(key, target))).toBe('cached');
    const later = aKey();
    await one.resolve(later, target);
    await waitFor('it to be shared', async () => {
      await using third = await replica();
      return sourceOf(await third.resolve(later, target)) === 'cached';
    });
    // With the new key alone, what the old one sealed is a miss, and is replaced.
    await using fresh = await aKeyFile((await readFile(keys.path, 'utf8')).split('\n')[0] ?? '');
    await using third = await replica(fresh.path);
    expect(sourceOf(await third.resolve(key, target))).toBe('fresh');
    await using fourth = await replica(fresh.path);
    await waitFor('the replacement', async () => sourceOf(await fourth.resolve(key, target)) === 'cached');
    await writeFile(keys.path, old);
  });

  test('a key file that is spoilt keeps the good one, and is told of once', async () => {
    await using own = await aKeyFile();
    await using third = await replica(own.path);
    const target = new Target(reply('{"n": 1}'));
    await writeFile(own.path, 'spoilt');
    const told = (): number =>
      third.logged.filter((line) => line.startsWith('sealing keys not usable')).length;
    await waitFor('the refusal', () => told() === 1);
    const key = aKey();
    await third.resolve(key, target);
    await untilStored();
    await new Promise((resolve) => setTimeout(resolve, 2_500)); // the time of the next look
    expect(told()).toBe(1);
    expect(third.log).not.toContain('spoilt');
  });

  test.each([
    { it: 'of an instance', scope: (instanceId: string) => ({ instanceId }) },
    { it: 'of a target', scope: () => ({ target: 'cmdb' }) },
    { it: 'of both', scope: (instanceId: string) => ({ instanceId, target: 'cmdb' }) },
    { it: 'of everything', scope: () => ({}) },
  ])('a purge $it reaches both and Redis', async ({ scope }) => {
    const target = new Target((n) => reply(`{"n": ${n}}`));
    const key = aKey();
    const stop = new AbortController();
    const events = other.cache.watch(stop.signal)[Symbol.asyncIterator]();
    await events.next();
    await one.resolve(key, target);
    await untilStored();
    await other.resolve(key, target);
    await one.cache.purge(scope(key.instanceId));
    let event: InvalidationEvent | undefined;
    do event = ((await events.next()) as { value: InvalidationEvent }).value;
    while (event.kind === 'heartbeat');
    expect(event).toMatchObject({ kind: 'invalidated', scope: scope(key.instanceId) });
    expect(event.version).toBe(one.cache.version());
    expect(textOf(await other.resolve(key, target))).toBe('{"n": 2}');
    expect(textOf(await one.resolve(key, target))).toBe('{"n": 2}');
    stop.abort();
  });

  test('a purge leaves what it does not name', async () => {
    const target = new Target(reply('{"n": 1}'));
    const [key, ofAnother, ofAnotherTarget] = [aKey(), aKey(), aKey({ target: 'ipam' })];
    const sibling = { ...ofAnotherTarget, instanceId: key.instanceId };
    for (const each of [key, ofAnother, sibling]) await one.resolve(each, target);
    await waitFor(
      'them to be stored',
      async () => (await allKeys()).filter((name) => name.includes(':answer:')).length === 3,
    );
    await one.cache.purge({ instanceId: key.instanceId, target: 'cmdb' });
    await using third = await replica();
    expect(sourceOf(await third.resolve(key, target))).toBe('fresh');
    expect(sourceOf(await third.resolve(ofAnother, target))).toBe('cached');
    expect(sourceOf(await third.resolve(sibling, target))).toBe('cached');
  });

  test('an answer that was on its way when it was purged is found by nobody', async () => {
    const target = new Target(reply('{"old": 1}'));
    const open = target.close();
    const key = aKey();
    const began = one.resolve(key, target);
    await waitFor('the first to ask', () => target.asked.length === 1);
    await other.cache.purge({ instanceId: key.instanceId });
    // Who asks after the purge does not wait for who asked before it.
    const later = new Target(reply('{"new": 1}'));
    expect(textOf(await other.resolve(key, later))).toBe('{"new": 1}');
    open();
    expect(await began).toMatchObject({ ttlSeconds: 0 });
    await using third = await replica();
    expect(textOf(await third.resolve(key, later))).toBe('{"new": 1}');
  });

  test('versions of purges by both grow one after another', async () => {
    const versions: number[] = [];
    for (let n = 0; n < 10; n += 1) {
      const purging = n % 2 === 0 ? one : other;
      await purging.cache.purge({ target: `t${n}` });
      versions.push(purging.cache.version());
    }
    expect([...versions].sort((a, b) => a - b)).toEqual(versions);
    expect(new Set(versions).size).toBe(10);
    await waitFor('both to know the newest', () => one.cache.version() === other.cache.version());
  });

  test('are healthy, and say so', async () => {
    expect(one.cache.state()).toMatchObject({ shared: true, sharedHealthy: true });
    expect(await one.metric('hallmark_vendordata_redis_up')).toBe(1);
    expect(await one.metric('hallmark_vendordata_redis_writable')).toBe(1);
    expect(one.logged).toEqual([]);
  });

  test('watchers hear hello and heartbeats', async () => {
    const events = one.cache.watch(patient)[Symbol.asyncIterator]();
    expect((await events.next()).value).toMatchObject({ kind: 'hello' });
    expect((await events.next()).value).toMatchObject({ kind: 'heartbeat' });
  });
});
