import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';
import { createTestCertificates, describeWithDocker, useRedis } from '../src/index.ts';
import type { CertificateFiles, TestCertificates } from '../src/index.ts';

/** Connects, does one thing, hangs up. No retries: these tests ask whether the server is there. */
async function once<T>(options: RedisOptions, act: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis({
    ...options,
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    connectTimeout: 1_000,
    commandTimeout: 1_000,
  });
  redis.on('error', () => undefined);
  try {
    return await act(redis);
  } finally {
    redis.disconnect();
  }
}

describeWithDocker('Redis in a container', () => {
  const redis = useRedis({ arguments: ['--maxmemory', '3mb'] });
  const address = () => ({ host: redis.current.host, port: redis.current.port });
  const ping = () => once(address(), (client) => client.ping());

  test('takes arguments of redis-server', async () => {
    expect(await redis.current.command('config', 'get', 'maxmemory')).toBe('maxmemory\n3145728');
  });

  test('comes back empty at the same address after a crash', async () => {
    await once(address(), (client) => client.set('key', 'value'));
    await redis.current.container.kill();
    await expect(ping()).rejects.toThrow();

    await redis.current.container.start();
    expect(await once(address(), (client) => client.get('key'))).toBeNull();
  });

  test('is a black hole while paused', async () => {
    await redis.current.container.pause();
    await expect(ping()).rejects.toThrow('timed out');

    await redis.current.container.unpause();
    expect(await ping()).toBe('PONG');
  });
});

describeWithDocker('Redis with TLS and a password', () => {
  let authority: TestCertificates;
  let tls: CertificateFiles;
  beforeAll(async () => {
    authority = await createTestCertificates();
    tls = await authority.issue({ name: 'redis' });
  });
  afterAll(() => authority[Symbol.asyncDispose]());
  describe('takes only those who know it', () => {
    const redis = useRedis(() => ({ password: 'open sesame', tls }));
    const address = () => ({
      host: redis.current.host,
      port: redis.current.port,
      tls: { ca: readFileSync(tls.caFile) },
    });

    test('and says PONG to them', async () => {
      expect(redis.current.url).toMatch(/^rediss:\/\//);
      expect(await once({ ...address(), password: 'open sesame' }, (client) => client.ping())).toBe('PONG');
      await expect(once(address(), (client) => client.ping())).rejects.toThrow('NOAUTH');
    });
  });
});
