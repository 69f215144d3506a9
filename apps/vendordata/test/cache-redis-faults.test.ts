import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { RedisServer, describeWithDocker, freePort, waitFor } from '@hallmark/testing';
import type { Outcome } from '../src/domain/answer.ts';
import { Replica, Target, aKey, aKeyFile, failure, reply, sourceOf, textOf } from './cache-replica.ts';

jest.setTimeout(60_000);

const LOST = 'Redis does not answer: going on without the shared cache';
const BACK = 'Redis answers again: the shared cache is in use';
const REFUSED = 'Redis refuses what is written: going on with what it holds';
const ACCEPTED = 'Redis takes what is written again';

let keys: Awaited<ReturnType<typeof aKeyFile>>;
beforeAll(async () => {
  keys = await aKeyFile();
});
afterAll(async () => {
  await keys[Symbol.asyncDispose]();
});

const replicaOf = (url: string): Promise<Replica> =>
  Replica.start({ config: [`redis_url = ${url}`, `key_file = ${keys.path}`] });

const lost = (replica: Replica): Promise<unknown> =>
  waitFor('the loss to be noticed', async () => (await replica.metric('hallmark_vendordata_redis_up')) === 0);
const back = (replica: Replica): Promise<unknown> =>
  waitFor(
    'the return to be noticed',
    async () => (await replica.metric('hallmark_vendordata_redis_up')) === 1,
  );

describeWithDocker('while Redis is in trouble', () => {
  let redis: RedisServer;
  let replica: Replica;
  beforeEach(async () => {
    redis = await RedisServer.start({ arguments: ['--maxmemory-policy', 'noeviction'] });
    replica = await replicaOf(redis.url);
  });
  afterEach(async () => {
    await replica[Symbol.asyncDispose]();
    await redis[Symbol.asyncDispose]();
  });

  /** Distinct requests one after another for so long as `during` lasts; how long each took. */
  async function load(
    during: () => Promise<void>,
  ): Promise<{ outcomes: Outcome[]; slowestMs: number; times: number[] }> {
    const target = new Target(reply('{}'));
    let over = false;
    const outcomes: Outcome[] = [];
    const times: number[] = [];
    const client = async (): Promise<void> => {
      while (!over) {
        const startedAt = performance.now();
        outcomes.push(await replica.resolve(aKey(), target));
        times.push(performance.now() - startedAt);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    const clients = Promise.all(Array.from({ length: 8 }, client));
    await during();
    over = true;
    await clients;
    return { outcomes, slowestMs: Math.max(...times), times };
  }

  test('a black hole costs those who are in it one time-out, and those after nothing', async () => {
    const { outcomes, slowestMs, times } = await load(async () => {
      await redis.container.pause();
      await lost(replica);
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      await redis.container.unpause();
      await back(replica);
    });
    expect(new Set(outcomes.map(sourceOf))).toEqual(new Set(['fresh']));
    // redis_timeout is 250 ms; twice, for who was between two steps.
    expect(slowestMs).toBeLessThan(900);
    expect(times.filter((ms) => ms > 200).length).toBeLessThanOrEqual(8);
    expect(replica.logged).toEqual([LOST, BACK]);
    expect(
      await replica.metric('hallmark_vendordata_redis_errors_total', { reason: 'timeout' }),
    ).toBeGreaterThan(0);
  });

  test('a Redis that is killed and started again costs no request', async () => {
    const { outcomes } = await load(async () => {
      await redis.container.kill();
      await lost(replica);
      expect(replica.cache.state()).toMatchObject({ sharedHealthy: false });
      await redis.container.start();
      await back(replica);
    });
    expect(new Set(outcomes.map(sourceOf))).toEqual(new Set(['fresh']));
    expect(replica.logged).toEqual([LOST, BACK]);
    expect(replica.cache.state()).toMatchObject({ sharedHealthy: true });
    // And it is used again.
    const target = new Target(reply('{}'));
    const key = aKey();
    await replica.resolve(key, target);
    await using other = await replicaOf(redis.url);
    await waitFor('it to be shared', async () => sourceOf(await other.resolve(key, target)) === 'cached');
  });

  test('what is fresh here is served while Redis is gone', async () => {
    const target = new Target(reply('{}'));
    const key = aKey();
    await replica.resolve(key, target);
    await redis.container.kill();
    await lost(replica);
    expect(sourceOf(await replica.resolve(key, target))).toBe('cached');
  });

  test('when it is back, watchers and this process forget what may have been purged meanwhile', async () => {
    const target = new Target((n) => reply(`{"n": ${n}}`));
    const key = aKey();
    await replica.resolve(key, target);
    await redis.container.kill();
    await lost(replica);
    const before = replica.cache.version();
    await redis.container.start();
    await back(replica);
    expect(replica.cache.version()).toBeGreaterThan(before);
    expect(textOf(await replica.resolve(key, target))).toBe('{"n": 2}');
  });

  test('FLUSHALL under load costs no request, and nobody notices', async () => {
    const { outcomes } = await load(async () => {
      for (let n = 0; n < 20; n += 1) await redis.command('flushall');
      await redis.command('script', 'flush');
    });
    expect(new Set(outcomes.map(sourceOf))).toEqual(new Set(['fresh']));
    expect(replica.logged).toEqual([]);
  });

  test('a full Redis still gives what it holds, and takes no more', async () => {
    const target = new Target(reply('{"n": 1}'));
    const key = aKey();
    await replica.resolve(key, target);
    await using other = await replicaOf(redis.url);
    await waitFor('it to be shared', async () => (await redis.command('dbsize')) !== '0');
    await redis.command('config', 'set', 'maxmemory', '1mb');
    const { outcomes, slowestMs } = await load(async () => {
      await waitFor(
        'the refusal',
        async () => (await replica.metric('hallmark_vendordata_redis_writable')) === 0,
      );
    });
    expect(new Set(outcomes.map(sourceOf))).toEqual(new Set(['fresh']));
    expect(slowestMs).toBeLessThan(250);
    expect(sourceOf(await other.resolve(key, target))).toBe('cached');
    expect(replica.logged).toEqual([REFUSED]);
    expect(
      await replica.metric('hallmark_vendordata_redis_errors_total', { reason: 'refused' }),
    ).toBeGreaterThan(0);
    expect(replica.cache.state()).toMatchObject({ sharedHealthy: true });

    // Purges go on: they take away.
    await replica.cache.purge({ target: 'cmdb' });
    await waitFor('the purge', async () => sourceOf(await other.resolve(key, target)) === 'fresh');

    await redis.command('config', 'set', 'maxmemory', '0');
    await waitFor(
      'the writes to be accepted',
      async () => (await replica.metric('hallmark_vendordata_redis_writable')) === 1,
      20_000,
    );
    expect(replica.logged).toEqual([REFUSED, ACCEPTED]);
  });

  test('that is full keeps nobody from being told, nor from what it holds', async () => {
    await using other = await replicaOf(redis.url);
    const kept = aKey();
    await replica.resolve(kept, new Target(reply('{"n": 1}', 'max-age=1, stale-if-error=600')));
    const target = new Target(reply('{"n": 2}'));
    const asked = aKey();
    const open = target.close();
    const outcomes = [replica.resolve(asked, target), other.resolve(asked, target)];
    const keysNow = (): Promise<string> => redis.command('--scan');
    await waitFor('one to wait for the other', async () => (await keysNow()).includes(':waiting:'));
    await redis.command('config', 'set', 'maxmemory', '1mb');
    await new Promise((resolve) => setTimeout(resolve, 600)); // who waits has looked again
    open();
    expect((await Promise.all(outcomes)).map(sourceOf).sort()).toEqual(['fresh', 'shared']);
    expect(target.asked).toHaveLength(1);

    other.clock.skip(5);
    expect(textOf(await other.resolve(kept, new Target(failure())))).toBe('{"n": 1}');
  });

  test('a subscription that is cut is taken up again, and what it may have missed is forgotten', async () => {
    const target = new Target(reply('{}'));
    const before = replica.cache.version();
    await redis.command('client', 'kill', 'type', 'pubsub');
    await waitFor('it to be taken up', () => replica.cache.version() > before);
    await using other = await replicaOf(redis.url);
    const key = aKey();
    await replica.resolve(key, target);
    await other.cache.purge({ instanceId: key.instanceId });
    await waitFor('the purge', async () => sourceOf(await replica.resolve(key, target)) === 'fresh');
  });

  test('a process that is too busy to listen does not blame Redis', async () => {
    const pending = replica.resolve(aKey(), new Target(reply('{}')));
    await new Promise((resolve) => setImmediate(resolve)); // the question to Redis is out
    const startedAt = performance.now();
    while (performance.now() - startedAt < 600); // more than twice redis_timeout
    expect(sourceOf(await pending)).toBe('fresh');
    const errors = 'hallmark_vendordata_redis_errors_total';
    expect(await replica.metric(errors, { reason: 'timeout' })).toBeUndefined();
  });

  test('a purge that does not reach Redis says so, forgets here, and is made up for', async () => {
    const target = new Target((n) => reply(`{"n": ${n}}`));
    const key = aKey();
    await replica.resolve(key, target);
    await waitFor('it to be shared', async () => {
      await using other = await replicaOf(redis.url);
      return sourceOf(await other.resolve(key, target)) === 'cached';
    });
    await redis.container.pause(); // what it holds survives
    await expect(replica.cache.purge({ instanceId: key.instanceId })).rejects.toMatchObject({
      code: 'unavailable',
      reason: 'PURGE_INCOMPLETE',
    });
    expect(textOf(await replica.resolve(key, target))).toBe('{"n": 2}');
    await redis.container.unpause();
    await waitFor('Redis to be used again', async () => {
      await using other = await replicaOf(redis.url);
      return textOf(await other.resolve(key, target)) !== '{"n": 1}';
    });
  });

  test('one that has become a replica is told of, and left for what its address now leads to', async () => {
    const connection = async (): Promise<string | undefined> =>
      /^id=(\d+) .* name=hallmark-vendordata .* sub=0 /m.exec(await redis.command('client', 'list'))?.[1];
    const writable = (): Promise<number | undefined> => replica.metric('hallmark_vendordata_redis_writable');
    const before = await waitFor('its connection', connection);
    await redis.command('replicaof', '127.0.0.1', '1');
    await waitFor('the refusal', async () => (await writable()) === 0);
    await waitFor('another connection', async () => ![before, undefined].includes(await connection()));
    expect(sourceOf(await replica.resolve(aKey(), new Target(reply('{}'))))).toBe('fresh');
    await redis.command('replicaof', 'no', 'one');
    await waitFor('the writes to be accepted', async () => (await writable()) === 1, 20_000);
  });
});

test('a Redis that is not there does not keep the service from starting', async () => {
  await using replica = await replicaOf(`redis://127.0.0.1:${await freePort()}`);
  expect(sourceOf(await replica.resolve(aKey(), new Target(reply('{}'))))).toBe('fresh');
  await lost(replica);
  await waitFor('it to be told', () => replica.logged.length > 0);
  expect(replica.logged).toEqual([LOST]);
  expect(replica.log).toContain('ECONNREFUSED');
  expect(replica.cache.state()).toMatchObject({ shared: true, sharedHealthy: false });
});
