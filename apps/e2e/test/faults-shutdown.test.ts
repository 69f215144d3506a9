import { randomUUID } from 'node:crypto';
import { describe, expect, jest, test } from '@jest/globals';
import { startFakeKeystone, startFakeTarget, waitFor } from '@hallmark/testing';
import { House, keystoneConfig, novaBody } from './house.ts';
import { statuses, underLoad } from './load.ts';

jest.setTimeout(120_000);

describe('SIGTERM under load', () => {
  test('of one of two vendordata replicas: no request fails', async () => {
    await using keystone = await startFakeKeystone();
    await using target = await startFakeTarget({ json: { ok: true }, delayMs: 30 });
    await using house = await House.start({
      config: `${keystoneConfig(keystone.url, 'hallmark-secret')}
[vendordata_target:one]
url = ${target.url}
failure = fatal
`,
      replicas: { vendordata: 2 },
    });
    const token = keystone.issue({ user: 'nova' });

    const report = await underLoad(house, { token, concurrency: 16 }, async (answered) => {
      await waitFor('some answers', () => answered() > 50);
      const stopped = house.one('vendordata', 0);
      stopped.program.signal('SIGTERM');
      expect(await stopped.program.ended).toEqual({ code: 0, signal: null });
      const before = answered();
      await waitFor('more answers from the other', () => answered() > before + 50);
      await house.restart(stopped);
      const after = answered();
      await waitFor('more answers from both', () => answered() > after + 50);
    });

    expect(report.lost).toEqual([]);
    expect(Object.keys(statuses(report))).toEqual(['200']);
  });

  test('of the gateway: everything it has accepted is answered', async () => {
    await using keystone = await startFakeKeystone();
    await using target = await startFakeTarget({ json: { ok: true }, delayMs: 300 });
    await using house = await House.start({
      config: `${keystoneConfig(keystone.url, 'hallmark-secret')}
[vendordata_target:one]
url = ${target.url}
`,
    });
    const token = keystone.issue({ user: 'nova' });
    const gateway = house.one('gateway');

    const answers = Array.from({ length: 40 }, () => house.post(novaBody(randomUUID()), { token }));
    await waitFor('all requests to be under way', () => target.requests.length === 40);
    gateway.program.signal('SIGTERM');

    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(Array(40).fill(200));
    expect(await gateway.program.ended).toEqual({ code: 0, signal: null });
  });

  test('of identity: known tokens go on, unknown ones get 503 and never 401', async () => {
    await using keystone = await startFakeKeystone();
    await using target = await startFakeTarget({ json: { ok: true } });
    await using house = await House.start({
      config: `${keystoneConfig(keystone.url, 'hallmark-secret')}
[vendordata_target:one]
url = ${target.url}
`,
    });
    const token = keystone.issue({ user: 'nova' });
    expect((await house.post(novaBody(randomUUID()), { token })).status).toBe(200);

    const identity = house.one('identity');
    identity.program.signal('SIGTERM');
    await identity.program.ended;
    const refused = await house.post(novaBody(randomUUID()), { token: keystone.issue({ user: 'nova' }) });

    expect(refused.status).toBe(503);
    expect(refused.headers['retry-after']).toBeDefined();
    await house.restart(identity);
    await waitFor(
      'identity to be in use again',
      async () => (await house.post(novaBody(randomUUID()), { token })).status === 200,
    );
  });
});
