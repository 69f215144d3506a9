import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { ConfigError, parseConfig, testContext } from '@hallmark/runtime';
import { startGateway } from '../src/index.ts';
import {
  GuestHouse,
  OTHER,
  OTHER_PROJECT,
  PROJECT,
  proxied,
  SECRET,
  signatureOf,
  WEB,
  type Lines,
} from './guest-house.ts';

jest.setTimeout(30_000);

const META_DATA = '/openstack/latest/meta_data.json';
const TOKEN = '/latest/api/token';
const TTL = 'X-aws-ec2-metadata-token-ttl-seconds';
const own = (): Lines => proxied(OTHER, { 'X-Tenant-ID': OTHER_PROJECT });
const signedWith = (secret: string): Lines =>
  proxied(WEB, { 'X-Instance-ID-Signature': signatureOf(WEB, secret) });

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hallmark-guest-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** What the gateway says of this configuration when it starts. */
async function faultsOf(ini: string): Promise<readonly string[]> {
  try {
    const gateway = await startGateway(
      parseConfig(`[gateway_nova]\nlisten = 127.0.0.1:0\n[gateway_guest]\nlisten = 127.0.0.1:0\n${ini}`),
      testContext('gateway'),
    );
    await gateway[Symbol.asyncDispose]();
    return [];
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown.faults.map(({ message }) => message);
    throw thrown;
  }
}

describe('the gateway does not start', () => {
  const INSTANCES = '[rpc]\ninstances_endpoints = 127.0.0.1:1\n';
  const PROXY = `${INSTANCES}[neutron]\nservice_metadata_proxy = true\n`;

  test.each([
    [
      'without instances',
      `[neutron]\nservice_metadata_proxy = true\nmetadata_proxy_shared_secret = s`,
      'hallmark.conf:4: [gateway_guest] listen: guests cannot be answered without [rpc] instances_endpoints',
    ],
    [
      'without a way to know guests',
      INSTANCES,
      'hallmark.conf:4: [gateway_guest] listen: nothing says how guests are known: set [neutron] service_metadata_proxy, or remote_address_mode',
    ],
    [
      'with an empty secret',
      PROXY,
      'metadata_proxy_shared_secret: is empty, so anyone who reaches the listener may pose as any guest',
    ],
    [
      'where tokens cannot be made',
      `${PROXY}[gateway_guest]\nallow_empty_secret = true\nsession_tokens = required`,
      'session_tokens: required needs',
    ],
    [
      'when a file of secrets is missing',
      `${PROXY}metadata_proxy_shared_secret = s\n[gateway_guest]\nshared_secrets_file = /nowhere/secrets`,
      'hallmark.conf:11: [gateway_guest] shared_secrets_file: cannot be read',
    ],
    [
      'with a certificate that is none',
      `${PROXY}metadata_proxy_shared_secret = s\n[gateway_guest]\ncert_file = /nowhere/c\nkey_file = /nowhere/k`,
      '[gateway_guest] cert_file: cannot be used with key_file',
    ],
  ])('%s', async (_what, ini, fault) => {
    const faults = await faultsOf(ini);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(fault);
  });

  test('and says all that is wrong at once', async () => {
    expect(await faultsOf('')).toHaveLength(2);
  });

  test.each([
    `${PROXY}metadata_proxy_shared_secret = s`,
    `${PROXY}[gateway_guest]\nallow_empty_secret = true`,
    `${INSTANCES}[gateway_guest]\nremote_address_mode = true`,
  ])('unless it can: %s', async (ini) => {
    expect(await faultsOf(ini)).toEqual([]);
  });
});

describe('secrets', () => {
  const statusOf = async (house: GuestHouse, lines: Lines) => (await house.get(META_DATA, lines)).status;

  test('several are good at once, and a reload changes them', async () => {
    const file = join(directory, 'secrets');
    writeFileSync(file, 'next\n\nlast\n');
    await using house = await GuestHouse.open({ ini: `[gateway_guest]\nshared_secrets_file = ${file}` });
    for (const secret of [SECRET, 'next', 'last'])
      expect(await statusOf(house, signedWith(secret))).toBe(200);
    for (const secret of ['', 'other']) expect(await statusOf(house, signedWith(secret))).toBe(403);

    writeFileSync(file, 'other\n');
    await house.reload();
    expect(await statusOf(house, signedWith('other'))).toBe(200);
    expect(await statusOf(house, signedWith(SECRET))).toBe(200);
    expect(await statusOf(house, signedWith('next'))).toBe(403);
  });

  test('a reload that is at fault changes nothing', async () => {
    const file = join(directory, 'secrets');
    writeFileSync(file, 'next\n');
    await using house = await GuestHouse.open({ ini: `[gateway_guest]\nshared_secrets_file = ${file}` });
    rmSync(file);
    await expect(house.reload()).rejects.toThrow(ConfigError);
    expect(await statusOf(house, signedWith('next'))).toBe(200);
  });

  test('an empty one counts only where it is allowed and the only one', async () => {
    const ini = '[neutron]\nmetadata_proxy_shared_secret =\n[gateway_guest]\nallow_empty_secret = true';
    await using house = await GuestHouse.open({ ini });
    expect(await statusOf(house, signedWith(''))).toBe(200);
    expect(await statusOf(house, signedWith(SECRET))).toBe(403);
    house.guests.places.set('10.9.0.6 lb', { instanceId: WEB, projectId: PROJECT });
    const unsigned: Lines = [
      ['X-Metadata-Provider', 'lb'],
      ['X-Forwarded-For', '10.9.0.6'],
    ];
    expect(await statusOf(house, unsigned)).toBe(200);
  });
});

describe('a guest that is known by its TCP address', () => {
  const ini = '[neutron]\nservice_metadata_proxy = false\n[gateway_guest]\nremote_address_mode = true';

  test('is that, whatever it says', async () => {
    await using house = await GuestHouse.open({ ini });
    expect((await house.get(META_DATA, proxied())).status).toBe(404);
    house.guests.places.set('127.0.0.1', { instanceId: OTHER, projectId: OTHER_PROJECT });
    const lines: Lines = [...proxied(), ['X-Metadata-Provider', 'lb']];
    expect((await house.get(META_DATA, lines)).body).toBe('{"name": "other"}');
    expect((await house.get('/latest/meta-data/local-ipv4', lines)).body).toBe('127.0.0.1');
    expect(house.house.requests.at(-1)).toMatchObject({ introducedBy: 'address', instanceId: OTHER });
  });

  test('gets no session token through a proxy', async () => {
    await using house = await GuestHouse.open({ ini });
    house.guests.places.set('127.0.0.1', { instanceId: OTHER, projectId: OTHER_PROJECT });
    const put = async (more: Lines) =>
      (await house.ask({ method: 'PUT', path: TOKEN, lines: [[TTL, '60'], ...more] })).status;
    expect(await put([])).toBe(200);
    expect(await put([['X-Forwarded-For', '10.0.0.1']])).toBe(403);
  });
});

describe('session tokens', () => {
  const issue = async (house: GuestHouse, lines: Lines = proxied(), ttl = '60') =>
    house.ask({ method: 'PUT', path: TOKEN, lines, more: [[TTL, ttl]] });
  const read = async (house: GuestHouse, token: string | undefined, lines: Lines = proxied()) =>
    (
      await house.ask({
        path: META_DATA,
        lines,
        more: token === undefined ? [] : [['X-aws-ec2-metadata-token', token]],
      })
    ).status;

  test('are given on demand, and say for how long', async () => {
    await using house = await GuestHouse.open();
    const { status, headers, body } = await issue(house, proxied(), '21600');
    expect({ status, ttl: headers.get(TTL.toLowerCase()) }).toEqual({ status: 200, ttl: '21600' });
    expect(headers.get('content-type')).toBe('text/plain; charset=UTF-8');
    expect(await read(house, body)).toBe(200);
    expect(await read(house, undefined)).toBe(200);
    expect((await issue(house)).body).not.toBe(body);
    expect(house.house.lines.join('')).not.toContain(body);
  });

  test.each(['0', '21601', '-1', '1.5', 'x', '', '99999999'])('are not given for %s seconds', async (ttl) => {
    await using house = await GuestHouse.open();
    expect((await issue(house, proxied(), ttl)).status).toBe(400);
  });

  test('are good for the instance they were given to, and unchanged', async () => {
    await using house = await GuestHouse.open();
    const { body: token } = await issue(house);
    expect(await read(house, token, own())).toBe(401);
    const flipped = token.startsWith('A') ? `B${token.slice(1)}` : `A${token.slice(1)}`;
    for (const other of [
      flipped,
      `${token}=`,
      token.slice(0, -1),
      `${token}, ${token}`,
      token.toLowerCase(),
      'é',
    ]) {
      expect(await read(house, other)).toBe(401);
    }
  });

  test('are needed where they are required, but for `/`', async () => {
    await using house = await GuestHouse.open({ ini: '[gateway_guest]\nsession_tokens = required' });
    const refused = await house.get(META_DATA);
    expect(refused.status).toBe(401);
    expect(refused.body).not.toContain('web');
    for (const path of ['/openstack', '/latest/meta-data', '/openstack/latest/password', '/nothing']) {
      expect((await house.get(path)).status).toBe(401);
    }
    expect((await house.get('/')).status).toBe(200);
    expect(await read(house, (await issue(house)).body)).toBe(200);
  });

  test('are not given to a request that came through one proxy too many', async () => {
    await using house = await GuestHouse.open();
    const forwarded = proxied(WEB, { 'X-Forwarded-For': '192.0.2.1, 10.1.0.7' });
    expect((await issue(house, forwarded)).status).toBe(403);
    expect((await issue(house, [['X-Forwarded-For', '192.0.2.1'], ...proxied()])).status).toBe(403);
  });

  test('are known to every gateway, and outlive a change of secrets by the old one', async () => {
    const file = join(directory, 'secrets');
    writeFileSync(file, `${SECRET}\n`);
    await using first = await GuestHouse.open();
    await using second = await GuestHouse.open({
      ini: `[neutron]\nmetadata_proxy_shared_secret = new\n[gateway_guest]\nshared_secrets_file = ${file}`,
    });
    const { body: token } = await issue(first);
    expect(await read(second, token, signedWith('new'))).toBe(200);
    writeFileSync(file, '\n');
    await second.reload();
    expect(await read(second, token, signedWith('new'))).toBe(401);
  });

  test('are nothing where they are off', async () => {
    await using house = await GuestHouse.open({ ini: '[gateway_guest]\nsession_tokens = off' });
    expect((await issue(house)).status).toBe(404);
    expect(await read(house, 'whatever')).toBe(200);
  });

  test('cannot be made of no secret', async () => {
    const ini = '[neutron]\nmetadata_proxy_shared_secret =\n[gateway_guest]\nallow_empty_secret = true';
    await using house = await GuestHouse.open({ ini });
    expect((await issue(house, signedWith(''))).status).toBe(404);
  });
});

describe('a limit on the rate', () => {
  test('is each instance’s own, and says when to come back', async () => {
    const clock = { nowMs: 1_000_000 };
    await using house = await GuestHouse.open({
      clock,
      ini: '[gateway_guest]\nrate_limit = 0.5\nrate_burst = 3',
    });
    for (let time = 0; time < 3; time++) expect((await house.get(META_DATA)).status).toBe(200);
    const refused = await house.get(META_DATA);
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('2');
    expect(refused.body).toMatch(/^429 Too Many Requests\n\n/);
    expect(house.house.requests.at(-1)).toMatchObject({ reason: 'RATE_LIMITED', instanceId: WEB });
    expect((await house.get(META_DATA, proxied(WEB.toUpperCase()))).status).toBe(429);
    expect((await house.get(META_DATA, own())).status).toBe(200);
    // What somebody else says in its name does not count.
    for (let time = 0; time < 5; time++) await house.get(META_DATA, signedWith('guess'));
    clock.nowMs += 2_000;
    expect((await house.get(META_DATA)).status).toBe(200);
    expect((await house.get(META_DATA)).status).toBe(429);
  });
});
