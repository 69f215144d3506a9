import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { BootHouse, errorOf, ID } from './boot-house.ts';

jest.setTimeout(30_000);

let house: BootHouse;
beforeAll(async () => {
  house = await BootHouse.open();
});
afterAll(async () => {
  await house[Symbol.asyncDispose]();
});

interface BadBody {
  it: string;
  /** Members beside a good name, or the text itself. */
  body: Record<string, unknown> | string;
  pointer: string;
  says: RegExp;
}

const deep = '['.repeat(70) + ']'.repeat(70);
const bodies: BadBody[] = [
  { it: 'a list', body: '[]', pointer: '', says: /The body must be an object/ },
  { it: 'a word', body: '"x"', pointer: '', says: /must be an object/ },
  { it: 'no name', body: '{}', pointer: '/name', says: /\/name is required/ },
  { it: 'an empty name', body: { name: '' }, pointer: '/name', says: /must not be empty/ },
  { it: 'a long name', body: { name: 'x'.repeat(256) }, pointer: '/name', says: /at most 255 characters/ },
  { it: 'a name of blanks', body: { name: '  ' }, pointer: '/name', says: /without blanks at its ends/ },
  { it: 'a name with NUL', body: { name: 'a\0b' }, pointer: '/name', says: /without control characters/ },
  {
    it: 'a name of half a character',
    body: String.raw`{"name":"a\ud800"}`,
    pointer: '/name',
    says: /control/,
  },
  { it: 'a number as name', body: { name: 5 }, pointer: '/name', says: /must be a string/ },
  { it: 'null as name', body: { name: null }, pointer: '/name', says: /must be a string/ },
  {
    it: 'an unknown member',
    body: { imageRef: ID },
    pointer: '/imageRef',
    says: /not known here.*known are id, name/,
  },
  {
    it: 'roles of its own',
    body: { boot_roles: ['admin'] },
    pointer: '/boot_roles',
    says: /must be left out/,
  },
  {
    it: 'a project of its own',
    body: { project_id: 'p2' },
    pointer: '/project_id',
    says: /must be left out/,
  },
  {
    it: 'a member of every object',
    body: '{"name":"a","__proto__":{}}',
    pointer: '/__proto__',
    says: /not known/,
  },
  {
    it: 'an id that is none',
    body: { id: 'mail-1' },
    pointer: '/id',
    says: /UUID in lower case with dashes/,
  },
  { it: 'an id in upper case', body: { id: ID.toUpperCase() }, pointer: '/id', says: /lower case/ },
  { it: 'an image that is none', body: { image_id: 'cirros' }, pointer: '/image_id', says: /UUID/ },
  { it: 'a host name with a blank', body: { hostname: 'a b' }, pointer: '/hostname', says: /host name/ },
  { it: 'a launch index below 0', body: { launch_index: -1 }, pointer: '/launch_index', says: /at least 0/ },
  { it: 'half a launch index', body: { launch_index: 0.5 }, pointer: '/launch_index', says: /whole number/ },
  { it: 'a huge launch index', body: { launch_index: 2 ** 31 }, pointer: '/launch_index', says: /at most/ },
  {
    it: 'a reservation of another kind',
    body: { reservation_id: 'r-1' },
    pointer: '/reservation_id',
    says: /r- and eight/,
  },
  { it: 'user data as plain text', body: { user_data: '#!/bin/sh' }, pointer: '/user_data', says: /base64/ },
  { it: 'user data without padding', body: { user_data: 'aGk' }, pointer: '/user_data', says: /padded/ },
  { it: 'user data for the web', body: { user_data: 'a-_=' }, pointer: '/user_data', says: /base64/ },
  { it: 'metadata as a list', body: { metadata: [] }, pointer: '/metadata', says: /must be an object/ },
  {
    it: 'a number in metadata',
    body: { metadata: { a: 1 } },
    pointer: '/metadata/a',
    says: /must be a string/,
  },
  {
    it: 'a long value in metadata',
    body: { metadata: { a: 'x'.repeat(256) } },
    pointer: '/metadata/a',
    says: /255/,
  },
  {
    it: 'a long name in metadata',
    body: { metadata: { ['x'.repeat(256)]: '' } },
    pointer: `/metadata/${'x'.repeat(64)}`,
    says: /1 to 255/,
  },
  {
    it: 'a path in metadata',
    body: { metadata: { 'a/~b': '' } },
    pointer: '/metadata/a~1~0b',
    says: /letters, digits/,
  },
  {
    it: 'a key pair without key',
    body: { keypair: { name: 'k' } },
    pointer: '/keypair/public_key',
    says: /required/,
  },
  {
    it: 'a key pair of another type',
    body: { keypair: { name: 'k', public_key: 'p', type: 'pgp' } },
    pointer: '/keypair/type',
    says: /one of ssh, x509/,
  },
  {
    it: 'network data as text',
    body: { network_data: '{}' },
    pointer: '/network_data',
    says: /must be an object/,
  },
  {
    it: 'devices that are no objects',
    body: { devices: [1] },
    pointer: '/devices/0',
    says: /must be an object/,
  },
  {
    it: 'network data without an end',
    body: `{"name":"a","network_data":{"x":${deep}}}`,
    pointer: '',
    says: /deeper than 64/,
  },
  { it: 'a CPU twice', body: { dedicated_cpus: [1, 1] }, pointer: '/dedicated_cpus', says: /nothing twice/ },
  {
    it: 'a CPU by name',
    body: { dedicated_cpus: ['a'] },
    pointer: '/dedicated_cpus/0',
    says: /whole number/,
  },
  { it: 'an IPv6 address for IPv4', body: { fixed_ipv4: '::1' }, pointer: '/fixed_ipv4', says: /IPv4/ },
  {
    it: 'an address out of bounds',
    body: { floating_ipv4: '10.0.0.256' },
    pointer: '/floating_ipv4',
    says: /IPv4/,
  },
  {
    it: 'a root device elsewhere',
    body: { root_device: '/etc/passwd' },
    pointer: '/root_device',
    says: /below \/dev\//,
  },
  {
    it: 'a block device of another kind',
    body: { block_devices: [{ name: 'x', device: '/dev/vdb' }] },
    pointer: '/block_devices/0/name',
    says: /swap/,
  },
  {
    it: 'a relative path',
    body: { personality: [{ path: 'a', contents: '' }] },
    pointer: '/personality/0/path',
    says: /absolute/,
  },
  {
    it: 'too large a file',
    body: { personality: [{ path: '/a', contents: 'a'.repeat(13_660) }] },
    pointer: '/personality/0/contents',
    says: /13656/,
  },
  { it: 'an empty password', body: { admin_pass: '' }, pointer: '/admin_pass', says: /must not be empty/ },
  {
    it: 'the wish as a word',
    body: { config_drive: 'true' },
    pointer: '/config_drive',
    says: /true or false/,
  },
];

describe('a boot is refused with', () => {
  test.each(bodies)('$it', async ({ body, pointer, says }) => {
    const given = typeof body === 'string' ? body : { name: 'a', ...body };
    const reply = await house.ask({ body: given });
    expect(reply.status).toBe(400);
    const { reason, message, faults = [] } = errorOf(reply);
    expect(reason).toBe('REQUEST_INVALID');
    expect(faults.map((fault) => fault.pointer)).toContain(pointer);
    expect(message).toMatch(says);
    expect(house.boots.created).toEqual([]);
  });

  test('all that is wrong with it', async () => {
    const reply = await house.ask({ body: { id: 'x', launch_index: -1, metadata: { a: 1, b: 2 }, oops: 1 } });
    expect(
      errorOf(reply)
        .faults?.map(({ pointer }) => pointer)
        .toSorted(),
    ).toEqual(['/id', '/launch_index', '/metadata/a', '/metadata/b', '/name', '/oops']);
  });

  test('no more than can be read', async () => {
    const metadata = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`k${at}`, at]));
    const { message, faults } = errorOf(await house.ask({ body: { name: 'a', metadata } }));
    expect(faults).toHaveLength(20);
    expect(message).toMatch(/; and 480 more\.$/);
  });

  test('nothing of what was sent', async () => {
    const reply = await house.ask({
      body: { name: 'a', admin_pass: { x: 'hunter2' }, user_data: 'hunter2 hunter2' },
    });
    expect(reply.status).toBe(400);
    expect(reply.body).not.toContain('hunter2');
  });
});
