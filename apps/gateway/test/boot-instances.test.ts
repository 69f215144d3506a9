import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { instances } from '@hallmark/contracts';
import { waitFor } from '@hallmark/testing';
import { ALICE, BootHouse, errorOf, ID, OTHER_ID } from './boot-house.ts';
import { aBoot, anInstance } from './fake-boots.ts';

jest.setTimeout(30_000);

const { InstanceStatus } = instances;

let house: BootHouse;
beforeAll(async () => {
  house = await BootHouse.open();
});
afterAll(async () => {
  await house[Symbol.asyncDispose]();
});
beforeEach(() => {
  house.boots.reset();
});

const ask: BootHouse['ask'] = async (request) => house.ask(request);

describe('a boot', () => {
  test('is taken in with the roles of the token, and says where it is', async () => {
    const reply = await ask({ body: `{"id":"${ID}","name":"mail-1","metadata":{"2":"b","1":"a"}}` });
    expect(reply.status).toBe(202);
    expect(reply.headers['location']).toBe(`/v1/instances/${ID}`);
    expect(reply.headers['preference-applied']).toBeUndefined();
    expect(reply.headers['cache-control']).toBe('no-store');
    expect(reply.json).toMatchObject({
      id: ID,
      status: 'BUILD',
      fault: null,
      project_id: 'p1',
      user_id: 'alice-id',
      boot_roles: ['Member', 'a,b', 'reader'],
      drive: null,
      created_at: '2026-11-01T10:00:00.000Z',
    });
    // In the user's order, which no parsed object keeps.
    expect(reply.body).toContain('"metadata":{"2":"b","1":"a"}');
    expect(house.boots.created[0]).toMatchObject({
      projectId: 'p1',
      userId: 'alice-id',
      bootRoles: ['Member', 'a,b', 'reader'],
    });
  });

  test('reaches the service with all that was told, byte for byte where guests read it', async () => {
    const networkData = '{"links": [{"id": "a", "mtu": 12345678901234567890}], "services" :[1.50]}';
    const devices = '[{"type":"nic","vlan":1e2}]';
    const rest = {
      id: ID,
      name: 'mail-1',
      hostname: 'mail',
      image_id: OTHER_ID,
      kernel_id: OTHER_ID,
      ramdisk_id: OTHER_ID,
      flavor: 'm1.small',
      availability_zone: 'az1',
      launch_index: 3,
      reservation_id: 'r-12345678',
      user_data: 'aGk=',
      metadata: { role: 'mäil' },
      keypair: { name: 'ops', public_key: 'ssh-ed25519 AAAA ops' },
      dedicated_cpus: [4, 2],
      security_groups: ['default', 'web'],
      fixed_ipv4: '10.20.0.7',
      floating_ipv4: '198.51.100.7',
      root_device: '/dev/vda',
      block_devices: [{ name: 'ebs0', device: '/dev/vdb' }],
      personality: [{ path: '/etc/motd', contents: 'aGk=' }],
      admin_pass: 'hunter2',
      config_drive: true,
    };
    const body = `${JSON.stringify(rest).slice(0, -1)}, "network_data": ${networkData} ,"devices":${devices}}`;
    const reply = await ask({ body });
    expect(reply.status).toBe(202);
    expect(house.boots.created[0]?.boot).toEqual(
      aBoot({
        id: ID,
        hostname: 'mail',
        imageId: OTHER_ID,
        kernelId: OTHER_ID,
        ramdiskId: OTHER_ID,
        flavor: 'm1.small',
        availabilityZone: 'az1',
        launchIndex: 3,
        reservationId: 'r-12345678',
        userData: 'aGk=',
        metadata: [{ key: 'role', value: 'mäil' }],
        keypair: { name: 'ops', type: 'ssh', publicKey: 'ssh-ed25519 AAAA ops' },
        networkData: Buffer.from(networkData),
        devices: Buffer.from(devices),
        dedicatedCpus: [2, 4],
        securityGroups: ['default', 'web'],
        fixedIpv4: '10.20.0.7',
        floatingIpv4: '198.51.100.7',
        rootDevice: '/dev/vda',
        blockDevices: [{ name: 'ebs0', device: '/dev/vdb' }],
        personality: [{ path: '/etc/motd', contents: Buffer.from('hi') }],
        adminPass: 'hunter2',
        configDrive: true,
      }),
    );
    expect(reply.body).toContain(networkData);
    expect(reply.body).toContain(devices);
  });

  test('never shows what only the guest may read', async () => {
    await ask({ body: { name: 'n', user_data: 'c2VjcmV0', admin_pass: 'hunter2' } });
    await ask({ body: { name: 'n', user_data: 'c2VjcmV0', admin_pass: 'hunter2', oops: 1 } });
    const page = await ask({ method: 'GET' });
    const told = [page.body, ...house.house.lines].join('\n');
    expect(told).not.toMatch(/c2VjcmV0|hunter2|gAAAAAB/);
  });

  test('takes its id as taken by another', async () => {
    await ask({ body: { id: ID, name: 'a' } });
    const reply = await ask({ body: { id: ID, name: 'a' } });
    expect(reply.status).toBe(409);
    expect(errorOf(reply)).toMatchObject({ code: 409, title: 'Conflict', reason: 'INSTANCE_EXISTS' });
  });

  test('is told to the service under a key of its own when the caller has none', async () => {
    await ask();
    await ask();
    const keys = house.boots.created.map(({ idempotencyKey }) => idempotencyKey);
    expect(new Set(keys).size).toBe(2);
    expect(house.boots.records.size).toBe(2);
  });

  test('writes one line that names the instance, and counts by route', async () => {
    const series = 'hallmark_gateway_requests_total{route="/v1/instances",method="POST",status="202"}';
    const before = await house.house.metric(series);
    const requestId = 'req-5f9e4b0c-8d5a-4a3e-9c70-2e0d4b6a1f11';
    const reply = await ask({
      body: { id: ID, name: 'a' },
      headers: { 'x-openstack-request-id': requestId },
    });
    expect(reply.headers['x-openstack-request-id']).toBe(requestId);
    expect(house.boots.calls[0]?.requestId).toBe(requestId);
    expect(house.lastLine).toMatchObject({
      requestId,
      method: 'POST',
      path: '/v1/instances',
      status: 202,
      instanceId: ID,
      userId: 'alice-id',
      projectId: 'p1',
    });
    expect(await house.house.metric(series)).toBe(before + 1);
  });

  test('believes no header of identity', async () => {
    await ask({ headers: { 'x-project-id': 'p2', 'x-roles': 'admin', 'x-user-id': 'bob-id' } });
    expect(house.boots.created[0]).toMatchObject({ projectId: 'p1', userId: 'alice-id' });
  });

  test('hands the service token to identity', async () => {
    await ask({ headers: { 'x-service-token': 'gAAAAABorchestrator' } });
    expect(house.house.identity.asked.at(-1)?.request).toEqual({
      token: ALICE,
      serviceToken: 'gAAAAABorchestrator',
    });
  });
});

describe('an instance', () => {
  const path = `/v1/instances/${ID}`;
  beforeEach(() => {
    house.boots.keep(anInstance({ id: ID }));
  });

  test('is shown', async () => {
    const reply = await ask({ method: 'GET', path });
    expect(reply.status).toBe(200);
    expect(reply.json).toMatchObject({ id: ID, name: 'mail-1', network_data: {}, devices: [] });
    expect(house.lastLine).toMatchObject({ path, status: 200 });
  });

  test('answers HEAD with the headers alone', async () => {
    const reply = await ask({ method: 'HEAD', path });
    expect(reply.status).toBe(200);
    expect(Number(reply.headers['content-length'])).toBeGreaterThan(100);
    expect(reply.body).toBe('');
  });

  test('gets other metadata', async () => {
    const reply = await ask({
      method: 'PUT',
      path: `${path}/metadata`,
      body: '{"metadata":{"9":"x","a":"y","1":"z"}}',
    });
    expect(reply.status).toBe(200);
    expect(reply.body).toContain('"metadata":{"9":"x","a":"y","1":"z"}');
  });

  test('gets no metadata at all', async () => {
    const reply = await ask({ method: 'PUT', path: `${path}/metadata`, body: { metadata: {} } });
    expect(reply.json).toMatchObject({ metadata: {} });
  });

  test('is rebuilt', async () => {
    const body = {
      image_id: OTHER_ID,
      user_data: null,
      metadata: {},
      keypair: { name: 'k', public_key: 'p' },
    };
    const reply = await ask({ path: `${path}/rebuild`, body });
    expect(reply.status).toBe(202);
    expect(reply.headers['location']).toBe(path);
    expect(reply.json).toMatchObject({ image_id: OTHER_ID, status: 'BUILD' });
    expect(house.boots.rebuilt.at(-1)).toMatchObject({
      id: ID,
      projectId: 'p1',
      imageId: OTHER_ID,
      userData: '',
      metadata: { items: [] },
      keypair: { name: 'k', type: 'ssh', publicKey: 'p' },
    });
  });

  test('keeps what a rebuild does not name, and can be waited for', async () => {
    const asked = ask({
      path: `${path}/rebuild`,
      body: { image_id: OTHER_ID },
      headers: { prefer: 'wait=20' },
    });
    await house.someoneWaits();
    house.boots.finish(ID);
    const reply = await asked;
    expect(reply.status).toBe(200);
    expect(reply.headers['preference-applied']).toBe('wait=20');
    const request = house.boots.rebuilt.at(-1);
    expect([request?.userData, request?.metadata, request?.keypair]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('is not rebuilt while it is being built', async () => {
    house.boots.keep(anInstance({ id: ID, status: InstanceStatus.BUILD }));
    const reply = await ask({ path: `${path}/rebuild`, body: { image_id: OTHER_ID } });
    expect(reply.status).toBe(409);
    expect(errorOf(reply).reason).toBe('INSTANCE_BUSY');
  });

  test('is not rebuilt twice when the answer is lost on its way', async () => {
    const before = house.boots.rebuilt.length;
    // Long enough for the wire to be cut before the answer has passed.
    house.wire.delayMs = 2_000;
    const asked = ask({ path: `${path}/rebuild`, body: { image_id: OTHER_ID } });
    await waitFor('it to be rebuilt', () => house.boots.rebuilt.length > before);
    await house.wire.cut();
    await house.wire.restore();
    house.wire.delayMs = 0;
    expect((await asked).status).toBe(503);
    expect(house.boots.rebuilt).toHaveLength(before + 1);
  });

  test('is ended', async () => {
    const reply = await ask({ method: 'DELETE', path });
    expect(reply.status).toBe(204);
    expect(reply.body).toBe('');
    expect(reply.headers['content-length']).toBeUndefined();
    expect((await ask({ method: 'GET', path })).status).toBe(404);
  });

  test('is found whatever the case of its id', async () => {
    expect(
      (await ask({ method: 'GET', path: path.toUpperCase().replace('/V1/INSTANCES', '/v1/instances') }))
        .status,
    ).toBe(200);
  });
});
