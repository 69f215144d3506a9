import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  Container,
  RedisServer,
  createTestCertificates,
  describeWithDocker,
  freePort,
  waitFor,
} from '@hallmark/testing';
import type { TestCertificates } from '@hallmark/testing';
import { Replica, Target, UNHURRIED, aKey, aKeyFile, reply, sourceOf, textOf } from './cache-replica.ts';

jest.setTimeout(120_000);

let keys: Awaited<ReturnType<typeof aKeyFile>>;
beforeAll(async () => {
  keys = await aKeyFile();
});
afterAll(async () => {
  await keys[Symbol.asyncDispose]();
});

const replicaWith = (config: readonly string[]): Promise<Replica> =>
  Replica.start({ config: [...config, ...UNHURRIED, `key_file = ${keys.path}`] });

/** Connects, keeps, merges across replicas, and purges. `scan` gives the names of all keys. */
async function doesItsWork(config: readonly string[], scan: () => Promise<string>): Promise<void> {
  await using one = await replicaWith(config);
  await using other = await replicaWith(config);
  await waitFor('both to be connected', () => [one, other].every(({ cache }) => cache.state().sharedHealthy));
  // Several keys, so that a Cluster has to find them on several nodes.
  const target = new Target((n) => reply(`{"n": ${n}}`));
  const requests = Array.from({ length: 12 }, () => aKey());
  const open = target.close();
  const all = Promise.all(requests.flatMap((key) => [one.resolve(key, target), other.resolve(key, target)]));
  await waitFor(
    'one of both to wait for each',
    async () => (await scan()).match(/:waiting:/g)?.length === 12,
  );
  open();
  const outcomes = await all;
  expect(target.asked).toHaveLength(12);
  // Who looks again just when it is stored finds it before being told.
  const merged = outcomes.map(sourceOf).filter((source) => source === 'shared' || source === 'cached');
  expect(merged).toHaveLength(12);

  await using third = await replicaWith(config);
  for (const key of requests) {
    await waitFor('it to be shared', async () => sourceOf(await third.resolve(key, target)) === 'cached');
  }
  expect(target.asked).toHaveLength(12);

  const [key = aKey()] = requests;
  await one.cache.purge({ instanceId: key.instanceId });
  await waitFor('the purge', async () => textOf(await other.resolve(key, target)) === '{"n": 13}');
}

const scanAll = (container: Container, ports: readonly number[]): Promise<string> =>
  container.exec(['sh', '-c', ports.map((port) => `redis-cli -p ${port} --scan`).join('; ')]);

describeWithDocker('Redis', () => {
  describe('with TLS, a user and a password', () => {
    let certificates: TestCertificates;
    let redis: RedisServer;
    beforeAll(async () => {
      certificates = await createTestCertificates();
      const server = await certificates.issue({ name: 'redis' });
      redis = await RedisServer.start({ password: 'open sesame', tls: server });
    });
    afterAll(async () => {
      await redis[Symbol.asyncDispose]();
      await certificates[Symbol.asyncDispose]();
    });
    const config = async (password: string): Promise<string[]> => {
      const passwordFile = join(keys.path, '..', `password-${password.length}`);
      await writeFile(passwordFile, `${password}\n`);
      return [
        `redis_url = ${redis.url}`,
        `redis_cafile = ${certificates.caFile}`,
        'redis_username = default',
        `redis_password_file = ${passwordFile}`,
      ];
    };

    test('does its work', async () => {
      await doesItsWork(await config('open sesame'), () => redis.command('--scan'));
    });

    test('with a wrong password is lost, and the password is told to nobody', async () => {
      await using replica = await replicaWith(await config('close sesame'));
      await waitFor('the loss', () => replica.logged.length > 0);
      expect(replica.log).toContain('WRONGPASS');
      expect(replica.log).not.toContain('close sesame');
      expect(sourceOf(await replica.resolve(aKey(), new Target(reply('{}'))))).toBe('fresh');
    });

    test('is not believed under an unknown authority', async () => {
      await using replica = await replicaWith([`redis_url = ${redis.url}`]);
      await waitFor('the loss', () => replica.logged.length > 0);
      expect(replica.log).toMatch(/certificate/);
      expect(replica.cache.state().sharedHealthy).toBe(false);
    });
  });

  describe('behind a Sentinel', () => {
    let container: Container;
    let ports: readonly [master: number, replica: number, sentinel: number];
    beforeAll(async () => {
      ports = [await freePort(), await freePort(), await freePort()];
      const [master, replica, sentinel] = ports;
      const server = (port: number): string =>
        `redis-server --port ${port} --bind 0.0.0.0 --protected-mode no --save '' --daemonize yes`;
      const script = [
        server(master),
        `${server(replica)} --replicaof 127.0.0.1 ${master}`,
        `printf '%s\n' 'port ${sentinel}' 'protected-mode no' 'sentinel monitor hallmark 127.0.0.1 ${master} 1' \
          'sentinel down-after-milliseconds hallmark 500' 'sentinel failover-timeout hallmark 2000' > /tmp/sentinel.conf`,
        'exec redis-server /tmp/sentinel.conf --sentinel',
      ].join('\n');
      container = await Container.start({
        image: 'redis',
        ports: [],
        samePorts: ports,
        command: ['sh', '-c', script],
        ready: (started) =>
          started.exec([
            'sh',
            '-c',
            `redis-cli -p ${sentinel} sentinel replicas hallmark | grep -q ${replica}`,
          ]),
      });
    });
    afterAll(async () => {
      await container[Symbol.asyncDispose]();
    });
    const config = (): string[] => [
      `redis_sentinels = 127.0.0.1:${ports[2]}`,
      'redis_sentinel_name = hallmark',
    ];

    test('does its work', async () => {
      await doesItsWork(config(), () => scanAll(container, ports.slice(0, 1)));
    });

    test('is found again after a failover', async () => {
      const target = new Target(reply('{}'));
      await using replica = await replicaWith(config());
      await waitFor('it to be connected', () => replica.cache.state().sharedHealthy);
      await container
        .exec(['redis-cli', '-p', String(ports[0]), 'shutdown', 'nosave'])
        .catch(() => undefined);
      // It may be so quick that nobody calls it a loss.
      expect(sourceOf(await replica.resolve(aKey(), target))).toBe('fresh');
      await using other = await replicaWith(config());
      await waitFor(
        'them to share again',
        async () => {
          const key = aKey();
          await replica.resolve(key, target);
          return sourceOf(await other.resolve(key, target)) === 'cached';
        },
        40_000,
      );
      expect(replica.cache.state().sharedHealthy).toBe(true);
    });

    test('that does not answer is lost, and no reason not to start', async () => {
      await using replica = await replicaWith([
        `redis_sentinels = 127.0.0.1:${await freePort()}`,
        'redis_sentinel_name = hallmark',
      ]);
      expect(sourceOf(await replica.resolve(aKey(), new Target(reply('{}'))))).toBe('fresh');
      await waitFor('the loss', () => replica.logged.length > 0);
    });
  });

  describe('as a Cluster', () => {
    let container: Container;
    let ports: number[];
    let servers: string[];
    beforeAll(async () => {
      ports = [await freePort(), await freePort(), await freePort()];
      servers = ports.map(
        (port) =>
          `redis-server --port ${port} --bind 0.0.0.0 --protected-mode no --save '' --daemonize yes \
            --cluster-enabled yes --cluster-config-file nodes-${port}.conf --cluster-announce-ip 127.0.0.1 --cluster-node-timeout 2000`,
      );
      const nodes = ports.map((port) => `127.0.0.1:${port}`).join(' ');
      const create = `until redis-cli --cluster create ${nodes} --cluster-yes; do sleep 0.2; done`;
      container = await Container.start({
        image: 'redis',
        ports: [],
        samePorts: ports,
        command: ['sh', '-c', ['cd /tmp', ...servers, create, 'exec sleep infinity'].join('\n')],
        ready: (started) =>
          started.exec([
            'sh',
            '-c',
            ports.map((port) => `redis-cli -p ${port} cluster info | grep -q cluster_state:ok`).join(' && '),
          ]),
      });
    });
    afterAll(async () => {
      await container[Symbol.asyncDispose]();
    });
    const config = (): string[] => [
      `redis_cluster_nodes = ${ports.map((port) => `127.0.0.1:${port}`).join(',')}`,
    ];

    test('does its work', async () => {
      await doesItsWork(config(), () => scanAll(container, ports));
    });

    test('that loses a node is done without until it is whole again', async () => {
      await using replica = await replicaWith(config());
      await waitFor('it to be connected', () => replica.cache.state().sharedHealthy);
      const target = new Target(reply('{}'));
      const many = async (): Promise<string[]> =>
        (await Promise.all(Array.from({ length: 30 }, () => replica.resolve(aKey(), target)))).map(sourceOf);

      await container
        .exec(['redis-cli', '-p', String(ports[0]), 'shutdown', 'nosave'])
        .catch(() => undefined);
      expect(new Set(await many())).toEqual(new Set(['fresh']));
      await waitFor('the loss', () => !replica.cache.state().sharedHealthy, 30_000);
      expect(new Set(await many())).toEqual(new Set(['fresh']));

      await container.exec(['sh', '-c', `cd /tmp; ${servers[0] ?? ''}`]);
      await waitFor('the return', () => replica.cache.state().sharedHealthy, 30_000);
      const key = aKey();
      await replica.resolve(key, target);
      await using other = await replicaWith(config());
      await waitFor('it to be shared', async () => sourceOf(await other.resolve(key, target)) === 'cached');
    });
  });
});
