import { describe, expect, test } from '@jest/globals';
import { HallmarkError } from '@hallmark/errors';
import { parseInstance } from './instance.ts';

/** As recorded from Nova, shared/transcripts/nova-vendordata-target.txt. */
const WEB =
  '{"project-id": "b1c0ec969e3a4133bea1e08f2c92ec8d", "instance-id": "c816c437-3a39-4e0f-bfc6-4bc0e64238b2", ' +
  '"image-id": "6b0a1d1c-4a5e-4c37-9d0e-0a5a7f3b0001", "user-data": "I2Nsb3VkLWNvbmZpZwpob3N0bmFtZTogZnJvbS11c2VyLWRhdGEK", ' +
  '"hostname": "web", "metadata": {"role": "web", "tier": "gold"}, "boot-roles": "reader,member"}';
const BARE =
  '{"project-id": "b1c0ec969e3a4133bea1e08f2c92ec8d", "instance-id": "ccc17f2d-4149-41cd-9d70-11b9c6bce071", ' +
  '"image-id": "6b0a1d1c-4a5e-4c37-9d0e-0a5a7f3b0001", "user-data": null, "hostname": "bare", "metadata": {}, "boot-roles": "reader,member"}';

const parse = (text: string) => parseInstance(Buffer.from(text));

/** The recorded description with some keys changed; `undefined` takes a key out. */
function changed(changes: Record<string, unknown>): string {
  return JSON.stringify({ ...(JSON.parse(WEB) as Record<string, unknown>), ...changes });
}

function faultOf(text: string | Buffer): string {
  try {
    parseInstance(Buffer.from(text));
  } catch (error) {
    if (error instanceof HallmarkError && error.reason === 'INSTANCE_INVALID') return error.message;
    throw error;
  }
  throw new Error('The instance was accepted.');
}

describe('what Nova sends', () => {
  test('is read, and kept as it came', () => {
    expect(parse(WEB)).toEqual({
      projectId: 'b1c0ec969e3a4133bea1e08f2c92ec8d',
      instanceId: 'c816c437-3a39-4e0f-bfc6-4bc0e64238b2',
      imageId: '6b0a1d1c-4a5e-4c37-9d0e-0a5a7f3b0001',
      userData: 'I2Nsb3VkLWNvbmZpZwpob3N0bmFtZTogZnJvbS11c2VyLWRhdGEK',
      hostname: 'web',
      metadata: [
        ['role', 'web'],
        ['tier', 'gold'],
      ],
      bootRoles: ['reader', 'member'],
      json: Buffer.from(WEB),
      digest: expect.stringMatching(/^[\da-f]{64}$/),
    });
  });

  test('may have no user data, no metadata, no roles and no image', () => {
    const { userData, metadata } = parse(BARE);
    expect({ userData, metadata }).toEqual({ userData: undefined, metadata: [] });
    expect(parse(changed({ 'boot-roles': '' })).bootRoles).toEqual([]);
    expect(parse(changed({ 'image-id': '' })).imageId).toBe('');
  });

  test('may have a project id with dashes, keys of a newer Nova, and an id in capitals', () => {
    const instance = parse(
      changed({
        'project-id': 'b1c0ec96-9e3a-4133-bea1-e08f2c92ec8d',
        'instance-id': 'C816C437-3A39-4E0F-BFC6-4BC0E64238B2',
        'availability-zone': { any: ['thing'] },
      }),
    );
    expect(instance.projectId).toBe('b1c0ec96-9e3a-4133-bea1-e08f2c92ec8d');
    expect(instance.instanceId).toBe('c816c437-3a39-4e0f-bfc6-4bc0e64238b2');
  });
});

test('metadata keys that mean something to JavaScript are data and nothing more', () => {
  const text = WEB.replace(
    '{"role": "web", "tier": "gold"}',
    '{"__proto__": "a", "constructor": "b", "toString": "c"}',
  );
  expect(parse(text).metadata).toEqual([
    ['__proto__', 'a'],
    ['constructor', 'b'],
    ['toString', 'c'],
  ]);
  expect(Object.prototype.toString.call({})).toBe('[object Object]');
});

describe('what is refused', () => {
  test.each([
    ['nothing', '', 'The instance description is not JSON in UTF-8.'],
    ['text', 'oops', 'The instance description is not JSON in UTF-8.'],
    ['a byte order mark', `\uFEFF${WEB}`, 'The instance description is not JSON in UTF-8.'],
    ['an array', '[]', 'The instance description is not a JSON object.'],
    ['null', 'null', 'The instance description is not a JSON object.'],
    ['an inherited member', '{"__proto__": {"hostname": "x"}}', 'hostname is missing'],
    ['a mistyped key', changed({ hostname: 7 }), 'is faulty: hostname is no string.'],
    ['null for a string', changed({ 'boot-roles': null }), 'is faulty: boot-roles is no string.'],
    [
      'a number as user data',
      changed({ 'user-data': 7 }),
      'is faulty: user-data is neither a string nor null.',
    ],
    ['a list as metadata', changed({ metadata: ['a'] }), 'is faulty: metadata is no object.'],
    [
      'a metadata value that is no string',
      changed({ metadata: { 'a"b': 1 } }),
      'metadata["a\\"b"] is no string.',
    ],
    [
      'an instance id without dashes',
      changed({ 'instance-id': 'c816c4373a394e0fbfc64bc0e64238b2' }),
      'instance-id is no UUID.',
    ],
    ['a project name', changed({ 'project-id': 'demo' }), 'is faulty: project-id is no UUID.'],
    ['an image name', changed({ 'image-id': 'debian' }), 'is faulty: image-id is neither a UUID nor empty.'],
  ])('%s', (_what, text, message) => {
    expect(faultOf(text)).toContain(message);
  });

  test('bytes that are no UTF-8, and more than 1 MiB', () => {
    expect(faultOf(Buffer.from([0x7b, 0xff, 0x7d]))).toContain('is not JSON in UTF-8');
    expect(faultOf(changed({ extra: 'x'.repeat(1024 * 1024) }))).toMatch(/has \d+ bytes, at most 1048576/);
  });

  test('with every fault in one message, and no value in it', () => {
    const fault = faultOf(
      changed({ 'project-id': 'secret-1', hostname: undefined, metadata: { a: ['secret-2'] } }),
    );
    expect(fault).toBe(
      'The instance description is faulty: project-id is no UUID; hostname is missing; metadata["a"] is no string.',
    );
  });

  test('with at most ten faults told', () => {
    const metadata = Object.fromEntries(Array.from({ length: 13 }, (_, index) => [`k${index}`, index]));
    expect(faultOf(changed({ metadata }))).toMatch(/metadata\["k9"\] is no string; and 3 more\.$/);
  });
});
