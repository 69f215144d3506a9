import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  createTestCertificates,
  freePort,
  startFakeKeystone,
  startFakeTarget,
  waitFor,
  type FakeKeystone,
  type FakeTarget,
} from '@hallmark/testing';
import { Agent, request } from 'undici';
import { House, keystoneConfig, novaBody } from './house.ts';
import { callVendordata } from './operator.ts';

jest.setTimeout(120_000);

describe('an operator, with two workers of every app', () => {
  let keystone: FakeKeystone;
  let cmdb: FakeTarget;
  let join: FakeTarget;
  let house: House;
  let token: string;

  beforeAll(async () => {
    keystone = await startFakeKeystone();
    cmdb = await startFakeTarget({ json: { rack: 'r1' }, cacheControl: 'max-age=300' });
    join = await startFakeTarget({ json: { otp: 'x' }, cacheControl: 'max-age=300' });
    house = await House.start({
      config: `${keystoneConfig(keystone.url, 'hallmark-secret')}
[vendordata_target:cmdb]
url = ${cmdb.url}
[vendordata_target:join]
url = ${join.url}
[gateway]
workers = 2
[identity]
workers = 2
[vendordata]
workers = 2
`,
    });
    token = keystone.issue({ user: 'nova' });
  });

  afterAll(async () => {
    await house[Symbol.asyncDispose]();
    for (const server of [cmdb, join, keystone]) await server[Symbol.asyncDispose]();
  });

  /** Enough repeats for every worker to have been asked, each over a connection of its own. */
  const askOften = async (body: string): Promise<string[]> =>
    Promise.all(Array.from({ length: 24 }, async () => (await house.post(body, { token })).text));

  test('a repeat of a request touches no other process', async () => {
    const body = novaBody(randomUUID());
    await askOften(body);
    await askOften(body);
    const [vendordata, before] = [house.one('vendordata'), cmdb.requests.length];
    const resolve =
      'hallmark_rpc_server_handled_total{method="hallmark.vendordata.v1.VendordataService/Resolve",code="OK"}';
    const calls = await house.metric(vendordata, resolve);

    await askOften(body);

    expect(await house.metric(vendordata, resolve)).toBe(calls);
    expect(cmdb.requests.length).toBe(before);
  });

  test('a purge of an instance reaches every worker, and the gateways, at once', async () => {
    const instanceId = randomUUID();
    const other = novaBody(randomUUID());
    const body = novaBody(instanceId);
    for (let n = 0; n < 3; n++) await Promise.all([askOften(body), askOften(other)]);
    cmdb.answer({ json: { rack: 'r2' }, cacheControl: 'max-age=300' });

    await callVendordata(house.one('vendordata').port, 'Purge', { instanceId });

    await waitFor('every gateway to have heard', async () =>
      (await askOften(body)).every((text) => text.includes('"r2"')),
    );
    // The other instance was not concerned.
    expect(new Set(await askOften(other))).toEqual(new Set(['{"cmdb": {"rack":"r1"}, "join": {"otp":"x"}}']));
  });

  test('ListTargets shows health, ProbeTarget tries one and keeps nothing', async () => {
    const before = cmdb.requests.length;
    cmdb.answerNext({ json: { tried: 12345678901234567890n.toString() }, cacheControl: 'max-age=7' });
    const probe = await callVendordata(house.one('vendordata').port, 'ProbeTarget', {
      target: 'cmdb',
      instanceJson: Buffer.from(novaBody(randomUUID())).toString('base64'),
    });
    const list = (await callVendordata(house.one('vendordata').port, 'ListTargets', {})) as {
      targets: { name: string }[];
    };

    expect(probe).toMatchObject({ status: 200, cacheControl: 'max-age=7' });
    expect(parseFloat((probe as { ttl: string }).ttl)).toBeCloseTo(7, 0);
    expect(cmdb.requests.length).toBe(before + 1);
    expect(list.targets).toMatchObject([
      { name: 'cmdb', failurePolicy: 'FAILURE_POLICY_OMIT', breaker: 'BREAKER_CLOSED' },
      { name: 'join' },
    ]);
  });

  test('SIGHUP takes new targets, and a file with faults changes nothing', async () => {
    const { configFile, program } = house.one('vendordata');
    const text = await readFile(configFile, 'utf8');
    const names = async (): Promise<string[]> =>
      Object.keys(JSON.parse((await house.post(novaBody(randomUUID()), { token })).text) as object);

    await writeFile(configFile, `${text}\n[vendordata_target:extra]\nurl = ${join.url}\n`);
    program.signal('SIGHUP');
    await waitFor('the new target', async () => (await names()).includes('extra'));

    await writeFile(configFile, `${text}\n[vendordata]\nworkerss = 3\n`);
    program.signal('SIGHUP');
    await waitFor('the fault to be told', async () => (await house.logs('vendordata')).includes('workerss'));
    expect(await names()).toEqual(['cmdb', 'join', 'extra']);

    await writeFile(configFile, text);
    program.signal('SIGHUP');
    await waitFor('the old targets', async () => !(await names()).includes('extra'));
  });

  test('health and metrics are answered for all workers together', async () => {
    for (const app of ['gateway', 'identity', 'vendordata'] as const) {
      const { opsPort } = house.one(app);
      for (const path of ['healthz', 'readyz']) {
        expect((await fetch(`http://127.0.0.1:${opsPort}/${path}`)).status).toBe(200);
      }
      expect(await house.metric(house.one(app), 'hallmark_workers')).toBe(2);
    }
  });
});

describe('the listener for Nova', () => {
  test('speaks TLS with a certificate of its own, on IPv4 and IPv6', async () => {
    await using certificates = await createTestCertificates();
    const files = await certificates.issue({ name: 'gateway', ip: ['127.0.0.1', '::1'] });
    await using keystone = await startFakeKeystone();
    await using target = await startFakeTarget({ json: { ok: true } });
    const port = await freePort();
    const house = await House.start({
      config: `${keystoneConfig(keystone.url, 'hallmark-secret')}
[vendordata_target:one]
url = ${target.url}
`,
      configOf: (app) =>
        app === 'gateway'
          ? `[gateway_nova]
listen = 127.0.0.1:${port}, [::1]:${port}
cert_file = ${files.certFile}
key_file = ${files.keyFile}
`
          : '',
    });
    const agent = new Agent({ connect: { ca: await readFile(files.caFile, 'utf8') } });
    try {
      for (const host of ['127.0.0.1', '[::1]']) {
        const answer = await request(`https://${host}:${port}/vendordata`, {
          method: 'POST',
          headers: { 'X-Auth-Token': keystone.issue({ user: 'nova' }), 'Content-Type': 'application/json' },
          body: novaBody(randomUUID()),
          dispatcher: agent,
        });
        expect(answer.statusCode).toBe(200);
        expect(await answer.body.text()).toBe('{"one": {"ok":true}}');
      }
    } finally {
      await agent.close();
      await house[Symbol.asyncDispose]();
    }
  });
});

describe('what a request leaves behind', () => {
  test('one id in the answer and in the logs of all three processes, and no secret anywhere', async () => {
    await using keystone = await startFakeKeystone();
    await using target = await startFakeTarget({ json: { otp: 'one-time-password-1' } });
    await using house = await House.start({
      config: `${keystoneConfig(keystone.url, 'hallmark-secret')}
[log]
level = trace
[vendordata_target:one]
url = ${target.url.replace('http://', 'http://operator:basic-secret@')}
[vendordata_target:gone]
url = http://operator:basic-secret@127.0.0.1:1/
`,
    });
    const token = keystone.issue({ user: 'nova' });
    const requestId = `req-${randomUUID()}`;
    const body = novaBody(randomUUID(), { 'user-data': 'dXNlci1kYXRhLXNlY3JldA==' });

    const answer = await house.post(body, { token, headers: { 'X-Openstack-Request-Id': requestId } });
    expect(answer.headers['x-openstack-request-id']).toBe(requestId);
    await house.post(body, { token: 'not-a-token' });

    for (const app of ['gateway', 'identity', 'vendordata'] as const) {
      await waitFor(`${app}'s line`, async () => (await house.logLines(app, requestId)).length > 0);
    }
    const serviceToken = target.requests[0]?.headers['x-auth-token'] ?? '';
    expect(serviceToken).not.toBe('');
    const logs = await house.logs();
    for (const secret of [
      token,
      serviceToken,
      'not-a-token',
      'hallmark-secret',
      'basic-secret',
      'one-time-password-1',
      'dXNlci1kYXRhLXNlY3JldA==',
    ]) {
      expect(logs).not.toContain(secret);
    }
  });
});
