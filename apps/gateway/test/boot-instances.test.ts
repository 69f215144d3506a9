import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { instances } from '@hallmark/contracts';
import { invalid, unavailable } from '@hallmark/errors';
import { waitFor } from '@hallmark/testing';
import {
  ADMIN,
  ALICE,
  BOB,
  BootHouse,
  errorOf,
  NOBODY,
  READER,
  SYSTEM_READER,
  UNSCOPED,
} from './boot-house.ts';
import { aBoot, anInstance } from './fake-boots.ts';

jest.setTimeout(30_000);

const { InstanceStatus } = instances;
const ID = '2ae914e9-f5ab-44ce-b2a2-dcf8373d899d';
const OTHER_ID = '3be914e9-f5ab-44ce-b2a2-dcf8373d899d';

let house: BootHouse;
beforeAll(async () => {
  house = await BootHouse.open();
});
afterAll(async () => {
  await house[Symbol.asyncDispose]();
});
beforeEach(() => {
  const { boots } = house;
  boots.records.clear();
  boots.created.length = 0;
  boots.calls.length = 0;
  boots.failure = undefined;
  boots.buildsAtOnce = false;
});

const ask: BootHouse['ask'] = async (request) => house.ask(request);
const someoneWaits = async () => waitFor('somebody to wait', () => house.boots.waiting === 1);
const lastLine = () => house.house.requests.at(-1) ?? {};

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
    expect(lastLine()).toMatchObject({
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

describe('Prefer: wait', () => {
  test('gets 201 when the build ends in time', async () => {
    const asked = ask({ body: { id: ID, name: 'a' }, headers: { prefer: 'respond-async, wait=20' } });
    await someoneWaits();
    house.boots.finish(ID);
    const reply = await asked;
    expect(reply.status).toBe(201);
    expect(reply.headers['location']).toBe(`/v1/instances/${ID}`);
    expect(reply.headers['preference-applied']).toBe('wait=20');
    expect(reply.json).toMatchObject({ status: 'ACTIVE' });
  });

  test('gets 201 and the fault of a build that failed', async () => {
    const asked = ask({ body: { id: ID, name: 'a' }, headers: { prefer: 'wait=20' } });
    await someoneWaits();
    const createdAt = new Date('2026-11-01T10:00:02.000Z');
    const fault = {
      reason: 'VENDORDATA_TARGET_FAILED',
      message: 'The target ipam did not answer.',
      createdAt,
    };
    house.boots.finish(ID, { status: InstanceStatus.ERROR, fault });
    const reply = await asked;
    expect(reply.status).toBe(201);
    expect(reply.json).toMatchObject({
      status: 'ERROR',
      fault: {
        reason: 'VENDORDATA_TARGET_FAILED',
        message: 'The target ipam did not answer.',
        created_at: '2026-11-01T10:00:02.000Z',
      },
    });
  });

  test('gets 202 when the time is over before', async () => {
    const reply = await ask({ headers: { prefer: 'wait=0' } });
    expect(reply.status).toBe(202);
    expect(reply.headers['preference-applied']).toBe('wait=0');
    expect(reply.json).toMatchObject({ status: 'BUILD' });
  });

  test('gets 201 at once for what is built at once', async () => {
    house.boots.buildsAtOnce = true;
    const reply = await ask({ headers: { prefer: 'wait=20' } });
    expect(reply.status).toBe(201);
    expect(house.boots.calls.map(({ method }) => method)).toEqual(['create']);
  });

  test('is granted for a minute at most', async () => {
    const asked = ask({ body: { id: ID, name: 'a' }, headers: { prefer: 'wait=3600' } });
    await someoneWaits();
    house.boots.finish(ID);
    expect((await asked).headers['preference-applied']).toBe('wait=60');
  });

  test('that is cut off loses nothing of what was taken in', async () => {
    const asked = ask({ body: { id: ID, name: 'a' }, headers: { prefer: 'wait=20' } });
    await someoneWaits();
    house.boots.records.delete(ID);
    house.boots.finish(ID);
    const reply = await asked;
    expect(reply.status).toBe(202);
    expect(reply.json).toMatchObject({ id: ID, status: 'BUILD' });
  });

  test('that is hung up is no longer waited for', async () => {
    const leaving = new AbortController();
    const asked = ask({
      body: { id: ID, name: 'a' },
      headers: { prefer: 'wait=20' },
      signal: leaving.signal,
    });
    await someoneWaits();
    leaving.abort();
    await expect(asked).rejects.toThrow(/abort/i);
    await waitFor('the line', () => lastLine()['status'] === 499);
    house.boots.finish(ID);
    expect(house.boots.records.has(ID)).toBe(true);
  });

  test('works for an instance that is being built already', async () => {
    house.boots.keep(anInstance({ id: ID, status: InstanceStatus.BUILD }));
    const asked = ask({ method: 'GET', path: `/v1/instances/${ID}`, headers: { prefer: 'wait=20' } });
    await someoneWaits();
    house.boots.finish(ID);
    const reply = await asked;
    expect(reply.status).toBe(200);
    expect(reply.headers['preference-applied']).toBe('wait=20');
    expect(reply.json).toMatchObject({ status: 'ACTIVE' });
  });
});

describe('Idempotency-Key', () => {
  const headers = { 'idempotency-key': 'boot-1' };

  test('makes a repeat give the same instance', async () => {
    const key = { 'idempotency-key': '"repeat"' };
    const first = await ask({ headers: key });
    const again = await ask({ headers: { 'idempotency-key': 'repeat' } });
    expect([first.status, again.status]).toEqual([202, 202]);
    expect(again.json['id']).toBe(first.json['id']);
    expect(house.boots.records.size).toBe(1);
  });

  test('gives the instance as it now is', async () => {
    const key = { 'idempotency-key': 'now', prefer: 'wait=0' };
    const first = await ask({ headers: key });
    house.boots.finish(String(first.json['id']));
    const again = await ask({ headers: key });
    expect(again.status).toBe(201);
    expect(again.json).toMatchObject({ id: first.json['id'], status: 'ACTIVE' });
  });

  test('is refused with another request', async () => {
    await ask({ headers, body: { name: 'a' } });
    const reply = await ask({ headers, body: { name: 'b' } });
    expect(reply.status).toBe(422);
    expect(errorOf(reply)).toMatchObject({
      code: 422,
      title: 'Unprocessable Entity',
      reason: 'IDEMPOTENCY_KEY_REUSED',
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
    expect(lastLine()).toMatchObject({ path, status: 200 });
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
    await someoneWaits();
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

describe('who may', () => {
  const path = `/v1/instances/${ID}`;
  const cases: {
    who: string;
    token: string;
    method: string;
    at?: string;
    status: number;
    reason?: string;
  }[] = [
    { who: 'a reader reads', token: READER, method: 'GET', status: 200 },
    { who: 'a reader lists', token: READER, method: 'GET', at: '/v1/instances', status: 200 },
    {
      who: 'a reader boots nothing',
      token: READER,
      method: 'POST',
      at: '/v1/instances',
      status: 403,
      reason: 'ROLE_MISSING',
    },
    { who: 'a reader ends nothing', token: READER, method: 'DELETE', status: 403, reason: 'ROLE_MISSING' },
    {
      who: 'a reader takes no drive',
      token: READER,
      method: 'GET',
      at: `${path}/config-drive`,
      status: 403,
      reason: 'ROLE_MISSING',
    },
    { who: 'a stranger reads nothing', token: NOBODY, method: 'GET', status: 403, reason: 'ROLE_MISSING' },
    {
      who: 'another project finds nothing',
      token: BOB,
      method: 'GET',
      status: 404,
      reason: 'INSTANCE_UNKNOWN',
    },
    {
      who: 'another project ends nothing',
      token: BOB,
      method: 'DELETE',
      status: 404,
      reason: 'INSTANCE_UNKNOWN',
    },
    {
      who: 'another project changes nothing',
      token: BOB,
      method: 'PUT',
      at: `${path}/metadata`,
      status: 404,
      reason: 'INSTANCE_UNKNOWN',
    },
    {
      who: 'another project rebuilds nothing',
      token: BOB,
      method: 'POST',
      at: `${path}/rebuild`,
      status: 404,
      reason: 'INSTANCE_UNKNOWN',
    },
    {
      who: 'another project takes no drive',
      token: BOB,
      method: 'GET',
      at: `${path}/config-drive`,
      status: 404,
      reason: 'INSTANCE_UNKNOWN',
    },
    { who: 'an admin reads', token: ADMIN, method: 'GET', status: 200 },
    { who: 'an admin changes', token: ADMIN, method: 'PUT', at: `${path}/metadata`, status: 200 },
    { who: 'an admin ends', token: ADMIN, method: 'DELETE', status: 204 },
    { who: 'a reader of the system reads', token: SYSTEM_READER, method: 'GET', status: 200 },
    {
      who: 'a reader of the system ends nothing',
      token: SYSTEM_READER,
      method: 'DELETE',
      status: 403,
      reason: 'ROLE_MISSING',
    },
    {
      who: 'no project, no boot',
      token: UNSCOPED,
      method: 'POST',
      at: '/v1/instances',
      status: 403,
      reason: 'PROJECT_SCOPE_MISSING',
    },
    {
      who: 'no project, no list',
      token: UNSCOPED,
      method: 'GET',
      at: '/v1/instances',
      status: 403,
      reason: 'PROJECT_SCOPE_MISSING',
    },
    {
      who: 'no project, no instance',
      token: UNSCOPED,
      method: 'GET',
      status: 403,
      reason: 'PROJECT_SCOPE_MISSING',
    },
    {
      who: 'the service token of Nova boots nothing',
      token: 'gAAAAABservice',
      method: 'POST',
      at: '/v1/instances',
      status: 403,
      reason: 'ROLE_MISSING',
    },
    { who: 'an unknown token', token: 'gAAAAABbad', method: 'GET', status: 401, reason: 'TOKEN_INVALID' },
  ];
  const bodies: Record<string, unknown> = {
    [`${path}/metadata`]: { metadata: {} },
    [`${path}/rebuild`]: { image_id: OTHER_ID },
  };

  test.each(cases)('$who', async ({ token, method, at = path, status, reason }) => {
    house.boots.keep(anInstance({ id: ID }));
    const reply = await ask({ token, method, path: at, body: bodies[at] });
    expect(reply.status).toBe(status);
    if (reason !== undefined) expect(errorOf(reply).reason).toBe(reason);
  });

  test('is decided before the body is read', async () => {
    const reply = await ask({ token: READER, body: '{not json' });
    expect(reply.status).toBe(403);
  });

  test('is an option', async () => {
    await using other = await BootHouse.open({
      ini: '[boot_api]\nwriter_roles = Booter\nadmin_roles = Heat_Stack_User',
    });
    expect((await other.ask({ token: ALICE })).status).toBe(403);
    expect((await other.ask({ token: NOBODY })).status).toBe(202);
    const refused = await other.ask({ token: ALICE });
    expect(errorOf(refused).message).toContain('booter, heat_stack_user');
  });
});

describe('when the house fails', () => {
  test.each([
    [
      unavailable('DATABASE_UNAVAILABLE', 'PostgreSQL does not answer.', { retryAfterSeconds: 2 }),
      503,
      'DATABASE_UNAVAILABLE',
    ],
    [invalid('INSTANCE_INVALID', 'personality[0].contents is too long.'), 400, 'INSTANCE_INVALID'],
    [new Error('secret detail'), 500, 'INTERNAL'],
  ])('%s', async (failure, status, reason) => {
    house.boots.failure = failure;
    const reply = await ask();
    expect(reply.status).toBe(status);
    expect(errorOf(reply).reason).toBe(reason);
    expect(reply.body).not.toContain('secret detail');
    if (status === 503) expect(reply.headers['retry-after']).toBe('2');
  });

  test('there is no boot API where no instances are kept', async () => {
    const { House } = await import('./house.ts');
    await using bare = await House.open();
    expect((await bare.post({ path: '/v1/instances', body: '{"name":"a"}' })).status).toBe(404);
    expect((await bare.post({ method: 'GET', path: '/openapi.json' })).status).toBe(404);
  });
});
