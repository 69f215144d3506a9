import { describe, expect, test } from '@jest/globals';
import { HallmarkError } from '@hallmark/errors';
import type { Caller } from './caller.ts';
import type { Image } from './image.ts';
import { applyPatch, type ImageChange } from './patch-apply.ts';
import { parsePatch, PATCH_MEDIA_TYPES } from './patch-parse.ts';
import { Policy } from './policy/policy.ts';
import { parseProtections } from './protections-file.ts';
import { Protections } from './protections.ts';
import { imageSchemaOf } from './schema.ts';

const [V20, V21] = PATCH_MEDIA_TYPES;
const alice: Caller = {
  userId: 'a',
  projectId: 'demo',
  roles: ['member'],
  serviceRoles: [],
  systemScope: false,
};
const admin: Caller = { ...alice, projectId: 'ops', roles: ['admin'] };

const image: Image = {
  id: '11111111-1111-4111-8111-111111111111',
  name: 'n',
  status: 'active',
  visibility: 'shared',
  protected: false,
  hidden: false,
  owner: 'demo',
  containerFormat: 'bare',
  diskFormat: 'raw',
  minDisk: 0,
  minRam: 0,
  tags: [],
  size: 1,
  virtualSize: 1,
  checksum: 'c',
  hashAlgo: 'sha512',
  hashValue: 'h',
  createdAt: new Date(0),
  updatedAt: new Date(0),
  properties: new Map([
    ['mine', { value: '1', injected: false }],
    ['mark', { value: 'x', injected: true }],
    ['hidden_a', { value: 's', injected: false }],
  ]),
  locations: [],
};
const { rules } = parseProtections(
  '[^hidden_]\ncreate=admin\nread=admin\nupdate=admin\ndelete=admin\n[.*]\ncreate=@\nread=@\nupdate=@\ndelete=@',
  'roles',
  () => true,
);
const schema = imageSchemaOf({ diskFormats: ['raw', 'iso'], containerFormats: ['bare', 'ova'] });
const inject = { properties: new Map([['mark', 'x']]), ignoreRoles: new Set(['admin']) };
const patchRules = {
  policy: Policy.parse({}).policy,
  protections: new Protections({ rules, inject, allows: () => false }),
};

function patch(type: string, body: unknown, caller = alice, of = image): ImageChange | string {
  try {
    return applyPatch(of, parsePatch(type, Buffer.from(JSON.stringify(body)), schema), caller, patchRules);
  } catch (error) {
    if (error instanceof HallmarkError)
      return `${error.code} ${error.reason} ${error.message.split('\n')[0] ?? ''}`;
    throw error;
  }
}

const op = (operation: string, path: string, value?: unknown): object => ({
  op: operation,
  path,
  ...(value !== undefined && { value }),
});

describe('What a patch changes', () => {
  test.each<[what: string, body: object[], change: Partial<ImageChange>]>([
    ['nothing', [], {}],
    ['an attribute', [op('replace', '/name', 'm')], { attributes: { name: 'm' } }],
    ['by add too', [op('add', '/min_ram', 5)], { attributes: { minRam: 5 } }],
    ['a new property', [op('add', '/new', 'v')], { set: new Map([['new', 'v']]) }],
    ['over an existing one', [op('add', '/mine', '2')], { set: new Map([['mine', '2']]) }],
    ['a property less', [op('remove', '/mine')], { removed: new Set(['mine']) }],
    ['in order', [op('add', '/a', '1'), op('replace', '/a', '2'), op('remove', '/a')], {}],
    ['tags as a set', [op('replace', '/tags', ['b', 'a', 'b'])], { attributes: { tags: ['b', 'a'] } }],
    ['a name with a slash', [op('add', '/a~1b~0c', '1')], { set: new Map([['a/b~c', '1']]) }],
    [
      'names like internal ones',
      [op('add', '/extra_properties', '1')],
      { set: new Map([['extra_properties', '1']]) },
    ],
    ['the same format again', [op('replace', '/disk_format', 'raw')], { attributes: { diskFormat: 'raw' } }],
  ])('%s', (_, body, change) => {
    expect(patch(V21, body)).toEqual({ attributes: {}, set: new Map(), removed: new Set(), ...change });
  });

  test('in the old form', () => {
    expect(patch(`${V20}; charset=utf-8`, [{ replace: '/name', value: 'm' }, { remove: '/mine' }])).toEqual({
      attributes: { name: 'm' },
      set: new Map(),
      removed: new Set(['mine']),
    });
    expect(patch(V20, [{ add: '/mine', value: '2' }])).toBe(
      'conflict PROPERTY_EXISTS Property mine already present.',
    );
    expect(patch(V20, [{ add: '/name', value: '2' }])).toBe(
      'conflict PROPERTY_EXISTS Property name already present.',
    );
  });

  test('an admin writes what the operator keeps', () => {
    expect(patch(V21, [op('replace', '/mark', 'y'), op('replace', '/owner', 'other')], admin)).toMatchObject({
      attributes: { owner: 'other' },
      set: new Map([['mark', 'y']]),
    });
  });
});

describe('What a patch must not do', () => {
  test.each<[body: unknown, text: string]>([
    [{}, 'invalid PATCH_INVALID Request body must be a JSON array of operation objects.'],
    [['x'], 'invalid PATCH_INVALID Operations must be JSON objects.'],
    [
      [{ path: '/a' }],
      'invalid PATCH_INVALID Unable to find `op` in JSON Schema change. It must be one of the following: add, remove, replace.',
    ],
    [[{ op: 'add' }], "invalid PATCH_INVALID Unable to find 'path' in JSON Schema change"],
    [
      [op('move', '/a', 'x')],
      'invalid PATCH_INVALID Invalid operation: `move`. It must be one of the following: add, remove, replace.',
    ],
    [[op('add', 'a', 'x')], 'invalid PATCH_INVALID Pointer `a` does not start with "/".'],
    [[op('add', '/a//b', 'x')], 'invalid PATCH_INVALID Pointer `/a//b` contains adjacent "/".'],
    [[op('add', '/a/', 'x')], 'invalid PATCH_INVALID Pointer `/a/` end with "/".'],
    [
      [op('add', '/a~2', 'x')],
      'invalid PATCH_INVALID Pointer `/a~2` contains "~" not part of a recognized escape sequence.',
    ],
    [[op('add', '/a/b', 'x')], "invalid PATCH_INVALID Invalid JSON pointer for this resource: '/a/b'"],
    [[op('add', '/', 'x')], "invalid PATCH_INVALID Invalid JSON pointer for this resource: '/'"],
    [
      [op('add', '/locations', [])],
      "invalid PATCH_INVALID Invalid JSON pointer for this resource: '/locations'",
    ],
    [[op('add', '/a')], 'invalid PATCH_INVALID Operation "add" requires a member named "value".'],
    [[op('replace', '/status', 'active')], "forbidden ATTRIBUTE_READ_ONLY Attribute 'status' is read-only."],
    [[op('add', '/stores', 'x')], "forbidden ATTRIBUTE_READ_ONLY Attribute 'stores' is read-only."],
    [[op('add', '/os_glance_x', 'x')], "forbidden NAME_RESERVED Attribute 'os_glance_x' is reserved."],
    [
      [op('add', '/a', 5)],
      "invalid SCHEMA_MISMATCH Provided object does not match schema 'image': 5 is not of type 'string'",
    ],
    [[op('remove', '/name')], 'forbidden BASE_ATTRIBUTE_KEPT Property name may not be removed.'],
    [[op('remove', '/nope')], 'conflict PROPERTY_UNKNOWN Property nope does not exist.'],
    [[op('replace', '/nope', 'x')], 'conflict PROPERTY_UNKNOWN Property nope does not exist.'],
    [[op('replace', '/owner', 'x')], "forbidden OWNER_KEPT Owner can't be updated by non admin."],
    [
      [op('replace', '/disk_format', 'iso')],
      'forbidden FORMAT_KEPT Attribute disk_format can be only replaced for a queued image.',
    ],
    [
      [op('replace', '/min_ram', -1)],
      "invalid PROPERTY_INVALID Invalid value '-1' for parameter 'min_ram': Cannot be a negative value",
    ],
    [
      [op('replace', '/visibility', 'public')],
      'forbidden POLICY_REFUSED You are not authorized to complete publicize_image action.',
    ],
    // What the operator injects, and what the operator hides.
    [[op('replace', '/mark', 'y')], "forbidden PROPERTY_PROTECTED Attribute 'mark' is reserved."],
    [[op('add', '/mark', 'y')], "forbidden PROPERTY_PROTECTED Attribute 'mark' is reserved."],
    [[op('remove', '/mark')], "forbidden PROPERTY_PROTECTED Attribute 'mark' is reserved."],
    [[op('add', '/hidden_a', 'y')], "forbidden PROPERTY_PROTECTED Attribute 'hidden_a' is reserved."],
    [[op('replace', '/hidden_a', 'y')], 'conflict PROPERTY_UNKNOWN Property hidden_a does not exist.'],
    [[op('remove', '/hidden_a')], 'conflict PROPERTY_UNKNOWN Property hidden_a does not exist.'],
    [
      [op('add', '/locations/-', {})],
      "forbidden LOCATIONS_INVISIBLE It's not allowed to add locations if locations are invisible.",
    ],
    [
      [op('remove', '/locations/0')],
      'forbidden POLICY_REFUSED You are not authorized to complete delete_image_location action.',
    ],
  ])('%j', (body, text) => {
    expect(patch(V21, body)).toBe(text);
  });

  test.each<[body: unknown, text: string]>([
    [
      [{ value: 1 }],
      'invalid PATCH_INVALID Operation objects must contain exactly one member named "add", "remove", or "replace".',
    ],
    [
      [{ add: '/a', remove: '/a' }],
      'invalid PATCH_INVALID Operation objects must contain only one member named "add", "remove", or "replace".',
    ],
  ])('in the old form: %j', (body, text) => {
    expect(patch(V20, body)).toBe(text);
  });

  test('another media type', () => {
    expect(patch('application/json-patch+json', [])).toBe(
      'invalid PATCH_MEDIA_TYPE_UNSUPPORTED The request media type application/json-patch+json is not supported by this server.',
    );
  });

  test('formats may be told while the image is queued', () => {
    expect(
      patch(V21, [op('replace', '/disk_format', 'iso')], alice, { ...image, status: 'queued' }),
    ).toMatchObject({
      attributes: { diskFormat: 'iso' },
    });
  });
});
