import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { RedisCluster, RedisSentinels, describeWithDocker, waitFor } from '../src/index.ts';

const BUILD_AND_START_MS = 900_000;
const FAILOVER_MS = 30_000;

describeWithDocker('Redis with sentinels', () => {
  let sentinels: RedisSentinels;
  beforeAll(async () => {
    sentinels = await RedisSentinels.start();
  }, BUILD_AND_START_MS);
  afterAll(() => sentinels[Symbol.asyncDispose]());

  test(
    'promotes the replica when the master is lost',
    async () => {
      const redis = new Redis({ sentinels: [...sentinels.sentinels], name: sentinels.name });
      redis.on('error', () => undefined);
      try {
        await redis.set('key', 'kept by the replica');
        await redis.wait(1, 1_000);
        const before = await sentinels.master();

        await sentinels.loseMaster();

        const after = await waitFor(
          'another master',
          async () => {
            const now = await sentinels.master();
            return now.port !== before.port && now;
          },
          FAILOVER_MS,
        );
        expect(sentinels.sentinels.map(({ port }) => port)).not.toContain(after.port);
        expect(await redis.get('key')).toBe('kept by the replica');
      } finally {
        redis.disconnect();
      }
    },
    FAILOVER_MS * 2,
  );
});

describeWithDocker('Redis Cluster', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await RedisCluster.start();
  }, BUILD_AND_START_MS);
  afterAll(() => cluster[Symbol.asyncDispose]());

  test('spreads keys over its masters', async () => {
    const redis = new Cluster([...cluster.nodes]);
    try {
      await Promise.all(['a', 'b', 'c', 'd', 'e'].map((key) => redis.set(key, key)));
      expect(await redis.get('e')).toBe('e');
      expect(redis.nodes('master')).toHaveLength(3);
    } finally {
      redis.disconnect();
    }
  });
});
