import { describe, expect, test } from '@jest/globals';
import type { Caller } from './caller.ts';
import { OPERATIONS, parseProtections, type RuleFormat } from './protections-file.ts';
import { Protections } from './protections.ts';

const caller = (roles: string[], serviceRoles: string[] = []): Caller => ({
  userId: 'u',
  projectId: 'p',
  roles,
  serviceRoles,
  systemScope: false,
});
const member = caller(['Member', 'reader']);
const admin = caller(['admin']);

const FILE = `# who may do what
[^hallmark_.*]
create = admin,service
read = admin,service,MEMBER
update = admin
delete = !

[hidden]
create = admin
read = admin
update = admin
delete = admin

[.*]
create: @
read: @
update: @
delete: @
`;

function protections(
  text: string | undefined,
  inject: Record<string, string> = {},
  format: RuleFormat = 'roles',
): Protections {
  return new Protections({
    rules: text === undefined ? undefined : parseProtections(text, format, () => true).rules,
    inject: { properties: new Map(Object.entries(inject)), ignoreRoles: new Set(['admin', 'operator']) },
    allows: (rule, { roles }) => roles.includes(rule),
  });
}

/** The operations allowed, by their first letters. */
const allowed = (rules: Protections, name: string, who: Caller): string =>
  OPERATIONS.filter((operation) => rules.allows(operation, name, who))
    .map((operation) => operation.charAt(0))
    .join('');

describe('Who may do what', () => {
  test.each([
    ['without a file, everyone', undefined, 'anything', member, 'crud'],
    ['roles have no case', FILE, 'hallmark_a', member, 'r'],
    ['admin has no way around !', FILE, 'hallmark_a', admin, 'cru'],
    ["a service token's roles count", FILE, 'hallmark_a', caller(['reader'], ['service']), 'cr'],
    ['the first section that matches decides, wherever in the name', FILE, 'my_hidden_thing', member, ''],
    ['the last one catches the rest', FILE, 'free', member, 'crud'],
    ['what no section matches is for nobody', FILE.split('[.*]')[0], 'free', admin, ''],
    ['internal names are read only, whatever the file says', FILE, 'os_glance_failed_import', admin, 'r'],
    ['most internal names are never seen', FILE, 'os_glance_stage_host', admin, ''],
    ['a name that only contains them obeys the file', FILE, 'hidden_os_glance_x', member, ''],
  ])('%s', (_, file, name, who, letters) => {
    expect(allowed(protections(file), name, who)).toBe(letters);
  });

  test.each([
    ['users read injected names', undefined, member, 'r'],
    ['ignored roles write them', undefined, caller(['Operator']), 'crud'],
    ['but not by a service token alone', undefined, caller(['member'], ['admin']), 'r'],
    [
      "an operator's file can only be stricter",
      '[trait:.*]\ncreate=admin\nread=!\nupdate=!\ndelete=!',
      admin,
      'cr',
    ],
    [
      'a file without a word on them leaves them usable',
      '[x]\ncreate=!\nread=!\nupdate=!\ndelete=!',
      admin,
      'crud',
    ],
  ])('%s', (_, file, who, letters) => {
    expect(allowed(protections(file, { 'trait:CUSTOM_X': 'required' }), 'trait:CUSTOM_X', who)).toBe(letters);
  });

  test('a rule of the policy decides in the other format', () => {
    const rules = protections('[.*]\ncreate=maker\nread=@\nupdate=!\ndelete=maker', {}, 'policies');
    expect(allowed(rules, 'a', caller(['maker']))).toBe('crd');
    expect(allowed(rules, 'a', member)).toBe('r');
  });
});

describe('Faults of the file', () => {
  test('all are told, with their lines', () => {
    const text = `create = admin
[a(]
create = @
read = @,!
update = x
remove = x
delete = 50%
nonsense

[b]
create = @
[b]
create = @
read = @
update = @
delete = @
`;
    expect(parseProtections(text, 'roles', () => true).faults).toEqual([
      { line: 1, message: 'create stands before any section' },
      { line: 2, message: '[a(] is no regular expression: /a(/: Unterminated group' },
      { line: 4, message: '[a(] read: @, everyone, and ! , nobody, exclude each other' },
      { line: 6, message: '[a(] remove: is none of create, read, update, delete' },
      { line: 7, message: '[a(] delete: a % must be doubled' },
      { line: 8, message: 'is neither a [section] nor an operation with = and its roles' },
      { line: 10, message: '[b] does not say who may read' },
      { line: 10, message: '[b] does not say who may update' },
      { line: 10, message: '[b] does not say who may delete' },
      { line: 12, message: '[b] is there already, in line 10' },
    ]);
  });

  test('of policies, one can be named, which exists', () => {
    const text = '[.*]\ncreate = a,b\nread = nobody\nupdate = @\ndelete = !';
    expect(parseProtections(text, 'policies', (name) => name === 'a').faults).toEqual([
      { line: 2, message: '[.*] create: one rule of the policy can be named, not several' },
      { line: 3, message: '[.*] read: the policy has no rule "nobody"' },
    ]);
  });

  test("Python's spellings of regular expressions are understood", () => {
    const { rules, faults } = parseProtections(
      '[DEFAULT]\nread=@\ncreate=@\nupdate=@\ndelete=@\n[(?i)^(?P<x>ab)\\Z]\n',
      'roles',
      () => true,
    );
    expect(faults).toEqual([]);
    expect(rules.map(({ pattern }) => [pattern.test('AB'), pattern.test('abc')])).toEqual([[true, false]]);
  });
});
