import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  HOST_FROM_CONTAINERS,
  KEYSTONE_USERS,
  aNovaInstance,
  createTestCertificates,
  describeWithDocker,
  startFakeTarget,
  startKeystone,
  startNova,
  waitFor,
  type CertificateFiles,
  type FakeTarget,
  type KeystoneServer,
  type NovaMetadata,
} from '@hallmark/testing';
import type { AppName } from '@hallmark/serve';
import { CloudInit } from './cloud-init.ts';
import { House, keystoneConfig } from './house.ts';

// Long enough to make the images, the first time on a machine.
jest.setTimeout(900_000);

const DOCUMENT = 'openstack/latest/vendor_data2.json';
/** Real services on a busy machine take their time, and these tests do not measure it. */
const PATIENCE = '[api]\nvendordata_dynamic_read_timeout = 30\n[identity]\nkeystone_timeout = 15\n';
/** More digits than a double holds. */
const SERIAL = '123456789012345678901234567890';

const hallmarkLogin = (keystone: KeystoneServer): string =>
  keystoneConfig(keystone.url, KEYSTONE_USERS.hallmark.password);
const novaLogin = (keystone: KeystoneServer, user = KEYSTONE_USERS.nova) => ({
  url: keystone.urlFromContainers,
  user,
});
/** A gateway of the house as nova.conf names it. */
const doorOf = (house: House, scheme = 'http'): string =>
  `${scheme}://${HOST_FROM_CONTAINERS}:${house.one('gateway').port}/vendordata`;

/** How many of Nova's POSTs to all targets the gateway has answered so. */
const answered = async (house: House, status: number): Promise<number> => {
  const line = `hallmark_gateway_requests_total{route="/vendordata",method="POST",status="${status}"}`;
  const count = await house.metric(house.one('gateway'), line);
  return Number.isNaN(count) ? 0 : count; // no line before the first one
};

describeWithDocker('a guest behind a real Nova', () => {
  let keystone: KeystoneServer;
  let cmdb: FakeTarget;
  let join: FakeTarget;
  let house: House;
  beforeAll(async () => {
    keystone = await startKeystone();
    cmdb = await startFakeTarget();
    join = await startFakeTarget();
    house = await House.start({
      config: `${hallmarkLogin(keystone)}${PATIENCE}
[vendordata_target:cmdb]
url = ${cmdb.url}
[vendordata_target:join]
url = ${join.url}
failure = fatal
`,
      novaHost: '0.0.0.0',
    });
  });
  afterAll(async () => {
    await house[Symbol.asyncDispose]();
    for (const server of [cmdb, join, keystone]) await server[Symbol.asyncDispose]();
  });

  describe('whose nova.conf names Hallmark once', () => {
    let nova: NovaMetadata;
    const instance = aNovaInstance();
    beforeAll(async () => {
      nova = await startNova({
        vendordataDynamicTargets: [`hallmark@${doorOf(house)}`],
        auth: novaLogin(keystone),
        readTimeoutSeconds: 30,
      });
      await nova.createInstances(instance);
    });
    afterAll(() => nova[Symbol.asyncDispose]());

    test('reads what all targets said, to the last digit', async () => {
      cmdb.answer({ body: `{"serial": ${SERIAL}, "price": 0.10, "rack": "r\\u00e9"}` });
      join.answer({ json: { otp: 'once' } });

      const document = await nova.get(DOCUMENT, instance);

      expect(document).toEqual({
        status: 200,
        body: `{"static": {}, "hallmark": {"cmdb": {"serial": ${SERIAL}, "price": 0.1, "rack": "r\\u00e9"}, "join": {"otp": "once"}}}`,
      });
    });

    test('is described to the targets in the words of Nova, byte for byte', async () => {
      await nova.get(DOCUMENT, instance);

      const [request] = cmdb.requests.slice(-1);
      expect(request?.headers).toMatchObject({
        'content-type': 'application/json',
        accept: 'application/json',
        'user-agent': 'openstack-nova-vendordata',
      });
      expect(request?.body.toString()).toBe(
        `{"project-id": "${instance.project_id}", "instance-id": "${instance.uuid}", ` +
          `"image-id": "${instance.image_ref}", "user-data": "IyEvYmluL3NoCmVjaG8gaGkK", ` +
          `"hostname": "mail-1", "metadata": {"role": "mail"}, "boot-roles": "member,reader"}`,
      );
      expect(await keystone.ownerOf(request?.headers['x-auth-token'] ?? '')).toMatchObject({
        name: 'hallmark',
      });
    });

    test('may read as often as it likes: a target that allows it is asked once', async () => {
      const fresh = aNovaInstance();
      await nova.createInstances(fresh);
      cmdb.answer({ json: { rack: 'r1' }, cacheControl: 'max-age=300' });
      join.answer({ json: { site: 's1' }, cacheControl: 'max-age=300' });
      const before = cmdb.requests.length + join.requests.length;

      const documents = new Set<string>();
      for (let read = 0; read < 5; read++) documents.add((await nova.get(DOCUMENT, fresh)).body);

      expect([...documents]).toEqual([
        '{"static": {}, "hallmark": {"cmdb": {"rack": "r1"}, "join": {"site": "s1"}}}',
      ]);
      expect(cmdb.requests.length + join.requests.length).toBe(before + 2);
    });

    test('misses a target that fails, and keeps the others', async () => {
      cmdb.answer({ status: 500 });
      join.answer({ json: { otp: 'once' } });

      expect((await nova.get(DOCUMENT, instance)).body).toBe(
        '{"static": {}, "hallmark": {"cmdb": {}, "join": {"otp": "once"}}}',
      );
    });

    test('gets nothing of Hallmark, but its document, when a fatal target fails', async () => {
      cmdb.answer({ json: {} });
      join.answer({ status: 500 });

      expect(await nova.get(DOCUMENT, instance)).toEqual({
        status: 200,
        body: '{"static": {}, "hallmark": {}}',
      });
    });

    test('is served again with a new token of Nova when Nova finds its own ended', async () => {
      cmdb.answer({ json: {} });
      join.answer({ json: { otp: 'once' } });
      await nova.get(DOCUMENT, instance);

      await keystone.setUserEnabled(KEYSTONE_USERS.nova, false);
      await keystone.setUserEnabled(KEYSTONE_USERS.nova, true);

      // Believed for token_cache_time at most; a reload of the configuration forgets at once.
      house.one('identity').program.signal('SIGHUP');
      const refused = await answered(house, 401);
      const documents = new Set<string>();
      await waitFor('Nova to have shown its ended token', async () => {
        documents.add((await nova.get(DOCUMENT, instance)).body);
        return (await answered(house, 401)) > refused;
      });
      expect([...documents]).toEqual(['{"static": {}, "hallmark": {"cmdb": {}, "join": {"otp": "once"}}}']);
    });

    test('leaves no token, password or answer in a log', async () => {
      join.answer({ json: { otp: 'a-secret-for-one-guest' } });
      expect((await nova.get(DOCUMENT, instance)).body).toContain('a-secret-for-one-guest');

      const logs = await house.logs();
      expect(logs).not.toMatch(/gAAAA/); // how every Fernet token begins
      for (const secret of ['a-secret-for-one-guest', 'hallmark-password', instance.user_data ?? '']) {
        expect(logs).not.toContain(secret);
      }
    });
  });

  describe('whose nova.conf names each target, with failure_fatal', () => {
    let nova: NovaMetadata;
    const instance = aNovaInstance({ image_ref: '', user_data: null, metadata: { __proto__x: 'é' } });
    beforeAll(async () => {
      nova = await startNova({
        vendordataDynamicTargets: [`cmdb@${doorOf(house)}/cmdb`, `join@${doorOf(house)}/join`],
        auth: novaLogin(keystone),
        failureFatal: true,
        readTimeoutSeconds: 30,
      });
      await nova.createInstances(instance);
    });
    afterAll(() => nova[Symbol.asyncDispose]());

    test('finds the targets under the names it knows', async () => {
      cmdb.answer({ json: ['a', 'list'] });
      join.answer({ json: { otp: 'once' } });

      expect((await nova.get(DOCUMENT, instance)).body).toBe(
        '{"static": {}, "cmdb": ["a", "list"], "join": {"otp": "once"}}',
      );
    });

    test('is told nothing at all when a fatal target fails', async () => {
      join.answer({ status: 500 });

      // Behind uWSGI, Nova's uncaught failure is a connection closed without a byte.
      await expect(nova.get(DOCUMENT, instance)).rejects.toThrow();
      expect(await nova.container.logs()).toContain('/vendordata/join');
      expect((await nova.get('openstack/latest/meta_data.json', instance)).status).toBe(200);
    });

    test('is told the rest when a target fails whose failure Hallmark forgives', async () => {
      cmdb.answer({ status: 500 });
      join.answer({ json: { otp: 'once' } });

      expect((await nova.get(DOCUMENT, instance)).body).toBe(
        '{"static": {}, "cmdb": {}, "join": {"otp": "once"}}',
      );
    });
  });

  test('gets nothing through a Nova that logs in as an ordinary member', async () => {
    const instance = aNovaInstance();
    await using nova = await startNova({
      vendordataDynamicTargets: [`hallmark@${doorOf(house)}`],
      auth: novaLogin(keystone, KEYSTONE_USERS.member),
      readTimeoutSeconds: 30,
    });
    await nova.createInstances(instance);
    const asked = join.requests.length;

    expect((await nova.get(DOCUMENT, instance)).body).toBe('{"static": {}, "hallmark": {}}');
    expect(await nova.container.logs()).toContain('HTTP 403');
    expect(join.requests.length).toBe(asked);
  });
});

describeWithDocker('a Nova whose clock is behind', () => {
  test('shows an expired service token, is told so, logs in again, and its guest notices nothing', async () => {
    await using keystone = await startKeystone({ tokenExpirationSeconds: 10 });
    await using target = await startFakeTarget({ json: { otp: 'once' } });
    await using house = await House.start({
      config: `${hallmarkLogin(keystone)}${PATIENCE}[vendordata_target:one]\nurl = ${target.url}\n`,
      novaHost: '0.0.0.0',
    });
    // Nova renews a token that it believes to end within 120 s. So far behind, it believes in this one too long.
    await using nova = await startNova({
      vendordataDynamicTargets: [`hallmark@${doorOf(house)}`],
      auth: novaLogin(keystone),
      failureFatal: true,
      readTimeoutSeconds: 30,
      clockOffsetSeconds: -3_600,
    });
    const instance = aNovaInstance();
    await nova.createInstances(instance);
    const documents = new Set<string>();
    const read = async (): Promise<void> => {
      documents.add((await nova.get(DOCUMENT, instance)).body);
    };

    await read();
    expect(await answered(house, 401)).toBe(0);
    const { token } = await keystone.issueToken(KEYSTONE_USERS.nova);
    await waitFor("Nova's token to expire", async () => !(await keystone.ownerOf(token)), 60_000);

    // Each of Nova's processes has a token of its own, and only one of them has read.
    await waitFor('Nova to have shown its expired token', async () => {
      await read();
      return (await answered(house, 401)) > 0;
    });
    expect([...documents]).toEqual(['{"static": {}, "hallmark": {"one": {"otp": "once"}}}']);
  });
});

describeWithDocker('with TLS everywhere and cloud-init in the guest', () => {
  test('the parts of all targets arrive as one configuration', async () => {
    await using certificates = await createTestCertificates();
    const door = await certificates.issue({ name: 'gateway-door', dns: [HOST_FROM_CONTAINERS, 'localhost'] });
    await using keystone = await startKeystone();
    await using web = await startFakeTarget({ json: { 'cloud-init': '#cloud-config\npackages: [nginx]\n' } });
    await using mon = await startFakeTarget({
      json: { 'cloud-init': ['#cloud-config\nruncmd: [start-agent]\n', '#!/bin/sh\necho hello\n'] },
    });
    const services = await Promise.all(
      ['gateway', 'identity', 'vendordata'].map((name) =>
        certificates.issue({ name, dns: [name, 'localhost'] }),
      ),
    );
    const [gateway, identity, vendordata] = services;
    const files: Partial<Record<AppName, CertificateFiles>> = { gateway, identity, vendordata };
    await using house = await House.start({
      config: `${hallmarkLogin(keystone)}${PATIENCE}
[vendordata]
compose_cloud_init = true
allowed_clients = gateway
[identity]
allowed_clients = gateway, vendordata
[vendordata_target:web]
url = ${web.url}
[vendordata_target:mon]
url = ${mon.url}
`,
      configOf: (app) => `[rpc]
cert_file = ${files[app]?.certFile}
key_file = ${files[app]?.keyFile}
ca_file = ${certificates.caFile}
${app === 'gateway' ? `[gateway_nova]\ncert_file = ${door.certFile}\nkey_file = ${door.keyFile}\n` : ''}`,
      novaHost: '0.0.0.0',
    });
    await using nova = await startNova({
      vendordataDynamicTargets: [`cloud-init@${doorOf(house, 'https')}/cloud-init`],
      auth: novaLogin(keystone),
      failureFatal: true,
      readTimeoutSeconds: 30,
      caFile: certificates.caFile,
    });
    const instance = aNovaInstance();
    await nova.createInstances(instance);

    const { body } = await nova.get(DOCUMENT, instance);

    await using cloudInit = await CloudInit.boot();
    expect(await cloudInit.readVendordata(body)).toMatchObject({
      parts: [
        ['text/cloud-config', '#cloud-config\npackages: [nginx]\n'],
        ['text/cloud-config', '#cloud-config\nruncmd: [start-agent]\n'],
        ['text/x-shellscript', '#!/bin/sh\necho hello\n'],
      ],
      cloud_config: { packages: ['nginx'], runcmd: ['start-agent'] },
    });
  });
});
