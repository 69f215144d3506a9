import { describe, expect, test } from '@jest/globals';
import type { Caller } from './caller.ts';
import { readImportPlugins } from './import-plugins.ts';
import { readInjectSettings } from './inject-settings.ts';
import { decideInjection, silentlyIgnored, type Door } from './injection.ts';

const read = (
  inject: string,
  roles = ['admin'],
  quota = 128,
): { properties: Record<string, string>; faults: string[]; warnings: readonly string[] } => {
  const { settings, faults, warnings } = readInjectSettings(inject, roles, quota);
  return {
    properties: Object.fromEntries(settings.properties),
    faults: faults.map(({ option, message }) => `${option}: ${message}`),
    warnings,
  };
};

describe('What may stand in inject', () => {
  test.each<[text: string, properties: Record<string, string>]>([
    ['', {}],
    ['property1:value1,property2:value2', { property1: 'value1', property2: 'value2' }],
    ['k:http://a/b', { k: 'http://a/b' }],
    ['k:', { k: '' }],
    [' k : v ', { k: 'v' }],
    // The example of the specification, which Glance cannot read.
    [
      '{ "property1": "value", "property2": "value,another value" }',
      { property1: 'value', property2: 'value,another value' },
    ],
    ['{"trait:CUSTOM_USER_IMAGES": "required"}', { 'trait:CUSTOM_USER_IMAGES': 'required' }],
    ['{"a": "1",\n"b": "2"}', { a: '1', b: '2' }],
    ['{}', {}],
    // As Glance reads it, for want of another way: the name of a trait needs JSON.
    ['trait:CUSTOM_USER:required', { trait: 'CUSTOM_USER:required' }],
  ])('%s', (text, properties) => {
    expect(read(text)).toEqual({ properties, faults: [], warnings: [] });
  });

  test.each([
    [
      'p1:v1,p2:v2,another value',
      '"another value" is not name:value; values with commas can only be written as JSON',
    ],
    ['k1:v1,', '"" is not name:value; values with commas can only be written as JSON'],
    ['k1:v1,k1:v2', 'has k1 twice'],
    [
      'property1":"value1',
      '"property1":"value1" has quotes, which would become part of it; leave them out, or write JSON',
    ],
    ['{"a": "b"', 'begins as a JSON object but is none; write {"name": "value", "name2": "value2"}'],
    ['{"a": 1}', 'the value of a is no string; put it in quotes'],
    [':v', 'has a property without a name'],
    ['os_glance_x:1', "os_glance_x: names that begin with os_glance are Glance's own"],
    ['name:x', 'name: is an attribute of every image, which cannot be injected'],
    ['location:x', 'location: is an attribute of every image, which cannot be injected'],
    [`${'n'.repeat(256)}:x`, 'has a name of more than 255 characters'],
    ['kernel_id:x', expect.stringContaining("kernel_id: 'x' does not match")],
  ])('%s stops the start', (text, fault) => {
    const expected: unknown = typeof fault === 'string' ? `inject: ${fault}` : fault;
    expect(read(text).faults).toEqual([expected]);
  });

  test('more than the quota allows stops the start', () => {
    expect(read('a:1,b:2', [], 1).faults).toEqual([
      'inject: has 2 properties, more than image_property_quota, 1, allows',
    ]);
    expect(read('a:1,b:2', [], -1).faults).toEqual([]);
  });

  test('a value that Nova would cut is worth a word', () => {
    expect(read(`a:${'v'.repeat(256)}`).warnings).toEqual([
      'the value of a is longer than the 255 characters that Nova keeps',
    ]);
  });

  test('roles in brackets match nobody, so they stop the start', () => {
    expect(read('a:1', ['[admin', 'member]']).faults).toHaveLength(2);
  });
});

describe('image_import_plugins', () => {
  test.each([
    [undefined, true, true, [], 0],
    [undefined, false, false, [], 0],
    [['inject_image_metadata', 'no_op'], true, true, [], 0],
    [['no_op'], true, false, [], 1],
    [[], true, false, [], 1],
    [
      ['inject_image_metdata'],
      true,
      false,
      ['there is no plugin "inject_image_metdata"; there are no_op and inject_image_metadata'],
      0,
    ],
    [['image_conversion'], false, false, ['"image_conversion" is Glance\'s; Hallmark does not have it'], 0],
  ])('%j with something to inject: %s', (plugins, hasInject, injects, faults, warnings) => {
    const reading = readImportPlugins(plugins, hasInject);
    expect([reading.injects, reading.faults, reading.warnings.length]).toEqual([injects, faults, warnings]);
  });
});

describe('The decision', () => {
  const { settings } = readInjectSettings('a:1,b:2', ['Admin', 'mailserver'], 128);
  const now = new Date(0);
  const who = (roles: string[], serviceRoles: string[] = []): Caller => ({
    userId: 'u1',
    projectId: 'p',
    roles,
    serviceRoles,
    systemScope: false,
  });
  const decide = (caller: Caller, door: Door = 'glance-direct', onUpload = false) =>
    decideInjection({ settings, injects: true, onUpload }, door, caller, now);

  test('says who, which roles, which rule, which properties', () => {
    expect(decide(who(['reader', 'Member']))).toEqual({
      injected: true,
      userId: 'u1',
      roles: ['member', 'reader'],
      rule: "none of the user's roles is in ignore_user_roles (admin, mailserver)",
      properties: { a: '1', b: '2' },
      decidedAt: now,
    });
    expect(decide(who(['member', 'ADMIN']))).toEqual({
      injected: false,
      userId: 'u1',
      roles: ['admin', 'member'],
      rule: 'role admin is in ignore_user_roles',
      properties: {},
      decidedAt: now,
    });
  });

  test("a service token's roles are not the user's", () => {
    expect(decide(who(['member'], ['admin']))?.injected).toBe(true);
  });

  test.each<[Door, boolean, boolean]>([
    ['web-download', false, true],
    ['copy-image', true, false],
    ['upload', false, false],
    ['upload', true, true],
  ])('by %s, every door %s: decided %s', (door, onUpload, decided) => {
    expect(decide(who(['member']), door, onUpload) !== undefined).toBe(decided);
  });

  test('nothing to inject is nothing to decide', () => {
    const empty = { settings: readInjectSettings('', [], 128).settings, injects: false, onUpload: true };
    expect(decideInjection(empty, 'upload', who([]), now)).toBeUndefined();
    expect(
      decideInjection({ settings, injects: false, onUpload: true }, 'upload', who([]), now),
    ).toBeUndefined();
  });

  test('on create, exact names of users without an ignored role are dropped', () => {
    const names = ['b', 'a', 'abc', 'c'];
    const policy = { settings, injects: true };
    expect(silentlyIgnored(policy, names, who(['member']))).toEqual(['a', 'b']);
    expect(silentlyIgnored(policy, names, who(['MailServer']))).toEqual([]);
    expect(silentlyIgnored({ settings, injects: false }, names, who(['member']))).toEqual([]);
  });
});
