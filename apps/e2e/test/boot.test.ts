import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import {
  startFakeKeystone,
  startFakeTarget,
  usePostgres,
  type FakeKeystone,
  type FakeTarget,
} from '@hallmark/testing';
import { House, keystoneConfig, type Answer } from './house.ts';
import { NEUTRON_CONFIG, neutronHeaders } from './neutron.ts';

jest.setTimeout(300_000);

const DOCUMENT = '/openstack/latest/vendor_data2.json';
const META_DATA = '/openstack/latest/meta_data.json';
/** Longer than a build takes on a busy machine. */
const WAIT = { Prefer: 'wait=60' };

interface Instance {
  readonly id: string;
  readonly project_id: string;
  readonly status: string;
  readonly boot_roles: readonly string[];
  readonly fault: { readonly reason: string; readonly message: string } | null;
  readonly drive: { readonly sha256: string; readonly short_lived_targets: readonly string[] } | null;
}

const postgres = usePostgres();
let keystone: FakeKeystone;
let cmdb: FakeTarget;
let join: FakeTarget;
let house: House;

beforeAll(async () => {
  keystone = await startFakeKeystone({
    users: [
      { name: 'hallmark', password: 'hallmark-secret', projects: { service: ['service'] } },
      { name: 'alice', password: 'alice-secret', projects: { demo: ['member', 'mail,operator', 'reader'] } },
    ],
  });
  cmdb = await startFakeTarget();
  join = await startFakeTarget();
  house = await House.start({
    config: `${keystoneConfig(keystone.url, 'hallmark-secret')}${NEUTRON_CONFIG}
[postgres]
url = ${await postgres.current.createDatabase()}
[api]
vendordata_providers = StaticJSON, DynamicJSON
vendordata_dynamic_read_timeout = 30
[identity]
keystone_timeout = 15
[instances]
build_lease = 3
[vendordata_target:cmdb]
url = ${cmdb.url}
[vendordata_target:join]
url = ${join.url}
failure = fatal
`,
    replicas: { instances: 2 },
  });
});
afterAll(async () => {
  await house[Symbol.asyncDispose]();
  for (const server of [cmdb, join, keystone]) await server[Symbol.asyncDispose]();
});
beforeEach(() => {
  cmdb.answer({ json: { rack: 'r1' } });
  join.answer({ json: { otp: 'once' } });
});

const alice = (roles?: readonly string[]): string =>
  keystone.issue({ user: 'alice', ...(roles && { roles }) });

const boot = async (
  token: string,
  body: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = WAIT,
): Promise<Answer> =>
  await house.call('/v1/instances', { method: 'POST', token, headers, body: { name: 'mail-1', ...body } });

const instanceIn = ({ text }: Pick<Answer, 'text'>): Instance => JSON.parse(text) as Instance;

async function booted(token: string, body?: Readonly<Record<string, unknown>>): Promise<Instance> {
  const answer = await boot(token, body);
  expect({ status: answer.status, text: answer.text }).toMatchObject({ status: 201 });
  return instanceIn(answer);
}

const show = async (token: string, id: string): Promise<Instance> =>
  instanceIn(await house.call(`/v1/instances/${id}`, { token }));

const guest = async ({ id, project_id }: Instance, path = DOCUMENT): Promise<Answer> =>
  await house.guest(path, neutronHeaders({ instanceId: id, projectId: project_id }));

/** The roles that the targets were last told of. */
const rolesTold = (): unknown[] =>
  [cmdb, join].map(({ requests }) => {
    const body: unknown = JSON.parse(requests.at(-1)?.body.toString() ?? '{}');
    return typeof body === 'object' && body !== null && 'boot-roles' in body ? body['boot-roles'] : undefined;
  });

describe('the roles at the boot', () => {
  const TOLD = 'member,mail,operator,reader';

  test('are what targets hear of for ever, whatever becomes of the user', async () => {
    const token = alice();
    const instance = await booted(token);
    expect(instance).toMatchObject({ status: 'ACTIVE', boot_roles: ['member', 'mail,operator', 'reader'] });
    expect((await guest(instance)).status).toBe(200);
    expect(rolesTold()).toEqual([TOLD, TOLD]);

    // The user loses a role, and the token with which it booted.
    keystone.revoke(token);
    const later = alice(['member', 'reader']);
    house.one('identity').program.signal('SIGHUP'); // forgets what it believed of the token
    const asked = join.requests.length;

    expect((await guest(instance)).status).toBe(200);
    expect(join.requests.length).toBeGreaterThan(asked);
    expect(rolesTold()).toEqual([TOLD, TOLD]);
    expect((await show(later, instance.id)).boot_roles).toEqual(['member', 'mail,operator', 'reader']);
  });

  test('stay when others change and rebuild the instance', async () => {
    const instance = await booted(alice());
    const other = alice(['member']);
    const path = `/v1/instances/${instance.id}`;
    const changed = await house.call(`${path}/metadata`, {
      ...{ method: 'PUT', token: other, body: { metadata: { role: 'web' } } },
    });
    expect(changed.status).toBe(200);
    const rebuilt = await house.call(`${path}/rebuild`, {
      ...{ method: 'POST', token: other, headers: WAIT, body: { image_id: randomUUID() } },
    });
    expect(rebuilt.status).toBe(200);

    await guest(instance);
    expect(rolesTold()).toEqual([TOLD, TOLD]);
    expect(JSON.parse((await guest(instance, META_DATA)).text)).toMatchObject({ meta: { role: 'web' } });
  });

  test('are those of the boot that won, of two with one id', async () => {
    const id = randomUUID();
    const tokens = [alice(['member', 'one']), alice(['member', 'two'])];
    const answers = await Promise.all(tokens.map(async (token) => boot(token, { id })));

    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
    const winner = answers.findIndex(({ status }) => status === 201);
    const roles = [
      ['member', 'one'],
      ['member', 'two'],
    ][winner];
    expect((await show(alice(), id)).boot_roles).toEqual(roles);
    await guest(await show(alice(), id));
    expect(rolesTold()).toEqual([roles?.join(','), roles?.join(',')]);
  });

  test('outlive every process', async () => {
    const instance = await booted(alice(), { config_drive: true });
    const before = await guest(instance, META_DATA);
    const drive = await house.call(`/v1/instances/${instance.id}/config-drive`, { token: alice() });
    expect(drive.status).toBe(200);

    for (const resident of [...house.all('gateway'), ...house.all('instances')]) {
      resident.program.signal('SIGKILL');
      await resident.program.ended;
      await house.restart(resident);
    }

    expect(await show(alice(), instance.id)).toEqual(instance);
    expect((await guest(instance, META_DATA)).text).toBe(before.text);
    await guest(instance);
    expect(rolesTold()).toEqual([TOLD, TOLD]);
    const again = await house.call(`/v1/instances/${instance.id}/config-drive`, { token: alice() });
    expect(again.bytes.equals(drive.bytes)).toBe(true);
  });
});

describe('a fatal target that fails', () => {
  beforeEach(() => {
    join.answer({ status: 500, body: 'a-secret-of-the-target' });
  });

  test('puts an instance with a config drive into ERROR, which names it, and leaves no drive', async () => {
    const token = alice();
    const instance = await booted(token, { config_drive: true });
    expect(instance).toMatchObject({
      status: 'ERROR',
      drive: null,
      fault: { reason: 'VENDORDATA_TARGET_FAILED', message: expect.stringContaining('"join"') },
    });
    expect(JSON.stringify(instance)).not.toContain('a-secret-of-the-target');
    const drive = await house.call(`/v1/instances/${instance.id}/config-drive`, { token });
    expect(drive.status).toBe(404);
  });

  test('fails nobody without one: the guest gets 503 and the instance stays ACTIVE', async () => {
    const token = alice();
    const instance = await booted(token);
    expect(instance).toMatchObject({ status: 'ACTIVE', fault: null });

    expect((await guest(instance)).status).toBe(503);
    expect((await guest(instance, META_DATA)).status).toBe(200);
    expect((await guest(instance, '/openstack/latest/vendor_data.json')).text).toBe('{}');
    expect((await show(token, instance.id)).status).toBe('ACTIVE');

    join.answer({ json: { otp: 'late' } });
    const document = await guest(instance);
    expect(JSON.parse(document.text)).toEqual({ static: {}, cmdb: { rack: 'r1' }, join: { otp: 'late' } });
  });

  test('hurts no longer than it fails: a rebuild makes the instance ACTIVE', async () => {
    const token = alice();
    const failed = await booted(token, { config_drive: true });
    join.answer({ json: { otp: 'again' } });
    const rebuilt = await house.call(`/v1/instances/${failed.id}/rebuild`, {
      ...{ method: 'POST', token, headers: WAIT, body: { image_id: randomUUID() } },
    });
    expect(instanceIn(rebuilt)).toMatchObject({ status: 'ACTIVE', fault: null });
  });
});

test('a config drive asks each target once', async () => {
  const before = [cmdb.requests.length, join.requests.length];
  const instance = await booted(alice(), { config_drive: true });
  expect(instance.status).toBe('ACTIVE');
  expect([cmdb.requests.length, join.requests.length]).toEqual(before.map((count) => count + 1));
});

test('an answer that wants to be fresh is frozen with a note', async () => {
  join.answer({ json: { otp: 'once' }, cacheControl: 'no-store' });
  const instance = await booted(alice(), { config_drive: true });
  expect(instance).toMatchObject({ status: 'ACTIVE', drive: { short_lived_targets: ['join'] } });
});

test('no token, password or answer is in a log', async () => {
  const token = alice();
  join.answer({ json: { otp: 'a-secret-for-one-guest' } });
  const instance = await booted(token, {
    ...{ config_drive: true, admin_pass: 'a-password', user_data: 'YS11c2VyLWRhdGEtc2VjcmV0' },
  });
  await guest(instance);
  const logs = await house.logs();
  for (const secret of [
    token,
    'a-secret-for-one-guest',
    'a-password',
    'YS11c2VyLWRhdGEtc2VjcmV0',
    'hallmark-secret',
  ]) {
    expect(logs).not.toContain(secret);
  }
});
