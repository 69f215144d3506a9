import { describe, expect, test } from '@jest/globals';
import { HallmarkError } from '@hallmark/errors';
import type { Caller } from './caller.ts';
import { draftImage, type CreateRules, type ImageDraft } from './create.ts';
import { parseProtections } from './protections-file.ts';
import { Protections } from './protections.ts';
import { Policy } from './policy/policy.ts';
import { imageSchemaOf } from './schema.ts';

const alice: Caller = {
  userId: 'alice',
  projectId: 'demo',
  roles: ['member', 'reader'],
  serviceRoles: [],
  systemScope: false,
};
const admin: Caller = { ...alice, userId: 'root', projectId: 'ops', roles: ['admin'] };
const carol: Caller = { ...alice, roles: ['reader'] };

const schema = imageSchemaOf({
  diskFormats: ['ami', 'ari', 'aki', 'vhd', 'vhdx', 'vmdk', 'raw', 'qcow2', 'vdi', 'iso', 'ploop'],
  containerFormats: ['bare', 'ova'],
});
const inject = { properties: new Map([['mark', 'x']]), ignoreRoles: new Set(['admin']) };
const { rules } = parseProtections(
  '[hidden_]\ncreate=admin\nread=admin\nupdate=admin\ndelete=admin\n[.*]\ncreate=@\nread=@\nupdate=@\ndelete=@',
  'roles',
  () => true,
);

function setup(more: Partial<CreateRules> = {}): CreateRules {
  const { policy } = Policy.parse({});
  return {
    schema,
    policy,
    protections: new Protections({ rules, inject, allows: () => false }),
    injection: { settings: inject, injects: true },
    quotas: { properties: 128, tags: 128 },
    ...more,
  };
}

const draft = (body: unknown, caller = alice, more: Partial<CreateRules> = {}): ImageDraft =>
  draftImage(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), caller, setup(more));

function failure(body: unknown, caller = alice, more: Partial<CreateRules> = {}): string {
  try {
    draft(body, caller, more);
  } catch (error) {
    if (error instanceof HallmarkError)
      return `${error.code} ${error.reason} ${error.message.split('\n')[0] ?? ''}`;
    throw error;
  }
  return 'created';
}

describe('An image to be', () => {
  test('has what the body says, and defaults', () => {
    expect(
      draft({
        name: 'a1',
        container_format: 'bare',
        disk_format: 'raw',
        min_disk: 1,
        tags: ['t1', 't2', 't1'],
        custom: 'v',
      }),
    ).toEqual({
      id: undefined,
      name: 'a1',
      visibility: 'shared',
      protected: false,
      hidden: false,
      owner: 'demo',
      containerFormat: 'bare',
      diskFormat: 'raw',
      minDisk: 1,
      minRam: 0,
      tags: ['t1', 't2'],
      properties: new Map([['custom', 'v']]),
      ignored: [],
    });
  });

  test('admin may make it for another project, and public', () => {
    expect(draft({ owner: 'demo', visibility: 'public', hidden_a: 's' }, admin)).toMatchObject({
      owner: 'demo',
      visibility: 'public',
      properties: new Map([['hidden_a', 's']]),
    });
  });

  test('hashes are taken without effect, and a null property is none', () => {
    expect(draft({ os_hash_algo: 'sha512', kernel_id: null }).properties.size).toBe(0);
  });

  test('a name kept for injection is dropped before protections and quota look', () => {
    const quotas = { properties: 1, tags: 128 };
    expect(draft({ mark: 'mine', custom: 'v' }, alice, { quotas })).toMatchObject({
      properties: new Map([['custom', 'v']]),
      ignored: ['mark'],
    });
    expect(draft({ mark: 'mine' }, admin)).toMatchObject({
      properties: new Map([['mark', 'mine']]),
      ignored: [],
    });
  });

  test.each([
    ['', 'invalid BODY_INVALID Body expected in request.'],
    ['{bad', 'invalid BODY_INVALID Malformed JSON in request body.'],
    ['5', 'invalid BODY_INVALID Unexpected body type. Expected list/dict.'],
    [[], 'invalid BODY_INVALID Unexpected body type. Expected dict.'],
    [{ stores: 'fast' }, "forbidden ATTRIBUTE_READ_ONLY Attribute 'stores' is read-only."],
    [
      { id: 'not-a-uuid' },
      /^invalid SCHEMA_MISMATCH Provided object does not match schema 'image': 'not-a-uuid' does not match '\^/,
    ],
    [
      { custom: 5 },
      "invalid SCHEMA_MISMATCH Provided object does not match schema 'image': 5 is not of type 'string'",
    ],
    [
      { custom: null },
      "invalid SCHEMA_MISMATCH Provided object does not match schema 'image': None is not of type 'string'",
    ],
    [
      { custom: { a: 1 } },
      "invalid SCHEMA_MISMATCH Provided object does not match schema 'image': {'a': 1} is not of type 'string'",
    ],
    [
      { deleted: true },
      "invalid SCHEMA_MISMATCH Provided object does not match schema 'image': True is not of type 'string'",
    ],
    [
      { min_disk: '1' },
      "invalid SCHEMA_MISMATCH Provided object does not match schema 'image': '1' is not of type 'integer'",
    ],
    [
      { disk_format: 'x' },
      "invalid SCHEMA_MISMATCH Provided object does not match schema 'image': 'x' is not one of [None, 'ami', 'ari', 'aki', 'vhd', 'vhdx', 'vmdk', 'raw', 'qcow2', 'vdi', 'iso', 'ploop']",
    ],
    [
      { tags: ['t'.repeat(256)] },
      `invalid SCHEMA_MISMATCH Provided object does not match schema 'image': '${'t'.repeat(256)}' is too long`,
    ],
    [{ os_glance_foo: 'x' }, "forbidden NAME_RESERVED Attribute 'os_glance_foo' is reserved."],
    [{ deleted_at: 'x' }, "forbidden NAME_RESERVED Attribute 'deleted_at' is reserved."],
    [
      { ['p'.repeat(256)]: 'v' },
      'invalid PROPERTY_INVALID Custom property should not be greater than 255 characters.',
    ],
    [
      { custom: 'v'.repeat(65_536) },
      'invalid PROPERTY_INVALID The value of property custom is longer than 65535 bytes.',
    ],
    [{ name: '😀' }, "invalid PROPERTY_INVALID Name can't contain 4 byte unicode characters."],
    [
      { min_ram: -1 },
      "invalid PROPERTY_INVALID Invalid value '-1' for parameter 'min_ram': Cannot be a negative value",
    ],
    [
      { min_ram: 2 ** 31 },
      "invalid PROPERTY_INVALID 'min_ram' value out of range, must not exceed 2147483647.",
    ],
    [{ owner: 'other' }, "forbidden OWNER_FORBIDDEN You are not permitted to create images owned by 'other'"],
    [{ owner: null }, "forbidden OWNER_FORBIDDEN You are not permitted to create images owned by 'None'"],
    [
      { visibility: 'public' },
      'forbidden POLICY_REFUSED You are not authorized to complete publicize_image action.',
    ],
    [{ hidden_a: '1' }, "forbidden PROPERTY_PROTECTED Attribute 'hidden_a' is reserved."],
    [{ status: 'active' }, "forbidden ATTRIBUTE_READ_ONLY Attribute 'status' is read-only."],
    [{ locations: [] }, "forbidden ATTRIBUTE_RESERVED Attribute 'locations' is reserved."],
  ])('%j is refused', (body, text) => {
    const told = failure(body);
    if (typeof text === 'string') expect(told).toBe(text);
    else expect(told).toMatch(text);
  });

  test('the first failure in the order of Glance is told', () => {
    const body = { custom: '1', tags: ['a', 'b'], status: 'active', hidden_a: '1' };
    const quotas = { properties: 0, tags: 1 };
    const steps = [
      failure(body, carol, { quotas }),
      failure(body, alice, { quotas }),
      failure({ ...body, hidden_a: undefined }, alice, { quotas }),
      failure({ ...body, hidden_a: undefined, tags: [] }, alice, { quotas }),
      failure({ custom: '1' }, alice, { quotas }),
    ];
    expect(steps.map((step) => step.split(' ')[1])).toEqual([
      'POLICY_REFUSED',
      'PROPERTY_PROTECTED',
      'TAG_QUOTA',
      'ATTRIBUTE_READ_ONLY',
      'PROPERTY_QUOTA',
    ]);
  });

  test('128 properties pass, one more does not', () => {
    const many = (count: number): object =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`p${index}`, 'v']));
    expect(failure(many(128))).toBe('created');
    expect(failure(many(129))).toBe(
      'over-quota PROPERTY_QUOTA The limit has been exceeded on the number of allowed image properties. Attempted: 129, Maximum: 128',
    );
  });
});
