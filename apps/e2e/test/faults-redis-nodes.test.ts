import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import {
  RedisCluster,
  RedisSentinels,
  describeWithDocker,
  startFakeKeystone,
  startFakeTarget,
  waitFor,
  type RedisNode,
} from '@hallmark/testing';
import { House, keystoneConfig, novaBody } from './house.ts';
import { statuses, underLoad } from './load.ts';

// Long enough to make the image, the first time on a machine.
jest.setTimeout(900_000);

/** Sentinels and cluster nodes need a second to agree that a node is down, and some more to replace it. */
const FAILOVER_LIMIT_MS = 60_000;

const list = (nodes: readonly RedisNode[]): string =>
  nodes.map(({ host, port }) => `${host}:${port}`).join(', ');

describeWithDocker('a Redis node lost for good, under load', () => {
  let folder: string;
  let keyFile: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hallmark-keys-'));
    keyFile = join(folder, 'keys');
    await writeFile(keyFile, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** Nobody notices while `lose` happens, and afterwards replicas share what they know again. */
  async function goesOn(cacheConfig: string, lose: () => Promise<void>): Promise<void> {
    await using keystone = await startFakeKeystone();
    await using target = await startFakeTarget({ json: { a: 1 }, cacheControl: 'max-age=60' });
    await using house = await House.start({
      config: `${keystoneConfig(keystone.url, 'hallmark-secret')}
[vendordata_target:one]
url = ${target.url}
failure = fatal
[vendordata_cache]
key_file = ${keyFile}
${cacheConfig}
`,
      replicas: { vendordata: 2, gateway: 2 },
    });
    const token = keystone.issue({ user: 'nova' });
    /**
     * Two gateways that do not know of each other, each going round the replicas, and one call a body. One
     * body for the second gateway alone shifts its round, so that some bodies go to both replicas.
     */
    const shares = async (): Promise<boolean> => {
      const before = target.requests.length;
      for (let n = 0; n < 10; n++) {
        const body = novaBody(randomUUID());
        if (n !== 5) await house.post(body, { token, gateway: 0 });
        await house.post(body, { token, gateway: 1 });
      }
      return target.requests.length === before + 10;
    };
    await waitFor('the replicas to share', shares);

    const report = await underLoad(house, { token, concurrency: 2 }, async (answered) => {
      await waitFor('some answers', () => answered() > 30);
      await lose();
      const without = answered();
      await waitFor('answers without it', () => answered() > without + 50, FAILOVER_LIMIT_MS);
    });
    await waitFor('the replicas to share again', shares, FAILOVER_LIMIT_MS);

    expect(report.lost).toEqual([]);
    expect(Object.keys(statuses(report))).toEqual(['200']);
  }

  test('the master behind sentinels', async () => {
    await using redis = await RedisSentinels.start();
    const before = await redis.master();

    await goesOn(`redis_sentinels = ${list(redis.sentinels)}\nredis_sentinel_name = ${redis.name}`, () =>
      redis.loseMaster(),
    );

    await waitFor('every sentinel to know', async () => (await redis.master()).port !== before.port);
  });

  test('a master of a cluster', async () => {
    await using redis = await RedisCluster.start();
    const [master] = redis.nodes;
    if (!master) throw new Error('A cluster has nodes.');

    await goesOn(`redis_cluster_nodes = ${list(redis.nodes)}`, () => redis.loseNode(master));
  });
});
