import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, jest, test } from '@jest/globals';
import {
  describeWithDocker,
  startFakeKeystone,
  startFakeTarget,
  useRedis,
  waitFor,
  type FakeTarget,
} from '@hallmark/testing';
import { House, keystoneConfig, novaBody, type HouseOptions } from './house.ts';
import { statuses, underLoad } from './load.ts';

jest.setTimeout(120_000);

describeWithDocker('vendordata replicas with Redis', () => {
  const redis = useRedis();

  /** Two replicas behind two gateways, one target, and the key file that they share. */
  async function startReplicas(target: FakeTarget, options: Partial<HouseOptions> = {}) {
    const directory = await mkdtemp(join(tmpdir(), 'hallmark-keys-'));
    const keyFile = join(directory, 'keys');
    await writeFile(keyFile, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
    const keystone = await startFakeKeystone();
    const house = await House.start({
      config: `${keystoneConfig(keystone.url, 'hallmark-secret')}
[vendordata_target:one]
url = ${target.url}
failure = fatal
[vendordata_cache]
redis_url = ${redis.current.url}
key_file = ${keyFile}
key_prefix = ${randomUUID()}
`,
      replicas: { vendordata: 2, gateway: 2 },
      ...options,
    });
    return {
      house,
      token: keystone.issue({ user: 'nova' }),
      [Symbol.asyncDispose]: async () => {
        await house[Symbol.asyncDispose]();
        await keystone[Symbol.asyncDispose]();
        await rm(directory, { recursive: true });
      },
    };
  }

  test.each([
    ['may be kept', 'max-age=60'],
    ['must not be kept', 'no-store'],
  ])(
    '200 identical requests at once are one call upstream, when the answer %s',
    async (_what, cacheControl) => {
      await using target = await startFakeTarget({ json: { big: 1 }, cacheControl, delayMs: 1_500 });
      await using replicas = await startReplicas(target);
      const { house, token } = replicas;
      const body = novaBody(randomUUID());
      // Two gateways that do not know of each other, each over both replicas.
      const answers = await Promise.all(
        Array.from({ length: 200 }, (_, n) => house.post(body, { token, gateway: n % 2 })),
      );

      expect(new Set(answers.map(({ status, text }) => `${status} ${text}`))).toEqual(
        new Set(['200 {"one": {"big":1}}']),
      );
      expect(target.requests.length).toBe(1);
    },
  );

  test('what one replica has asked, the other knows', async () => {
    await using target = await startFakeTarget({ json: { a: 1 }, cacheControl: 'max-age=60' });
    await using replicas = await startReplicas(target);
    const { house, token } = replicas;
    for (let n = 0; n < 10; n++) {
      const body = novaBody(randomUUID());
      // A gateway of its own has nothing in memory and goes round robin.
      await house.post(body, { token, gateway: 0 });
      await house.post(body, { token, gateway: 1 });
    }

    expect(target.requests.length).toBe(10);
  });

  test('Redis killed and restarted under load: no request fails, and both are told once', async () => {
    await using target = await startFakeTarget({ json: { a: 1 }, cacheControl: 'max-age=60' });
    await using replicas = await startReplicas(target);
    const { house, token } = replicas;
    const up = (): Promise<number[]> =>
      Promise.all(house.all('vendordata').map((one) => house.metric(one, 'hallmark_vendordata_redis_up')));
    expect(await up()).toEqual([1, 1]);

    const report = await underLoad(house, { token, concurrency: 8 }, async (answered) => {
      await waitFor('some answers', () => answered() > 30);
      await redis.current.container.kill();
      await waitFor('both to notice', async () => (await up()).every((value) => value === 0));
      const without = answered();
      await waitFor('answers without Redis', () => answered() > without + 50);
      await redis.current.container.start();
      await waitFor('both to be back', async () => (await up()).every((value) => value === 1), 30_000);
      const again = answered();
      await waitFor('answers with Redis again', () => answered() > again + 30);
    });

    expect(report.lost).toEqual([]);
    expect(Object.keys(statuses(report))).toEqual(['200']);
    const said = (await house.logLines('vendordata')).map(({ msg }) => String(msg));
    expect(said.filter((msg) => msg.startsWith('Redis does not answer'))).toHaveLength(2);
    expect(said.filter((msg) => msg.startsWith('Redis answers again'))).toHaveLength(2);
  });
});
