import { describe, expect, test } from '@jest/globals';
import type { Caller } from '../caller.ts';
import { Policy, type ImageSubject } from './policy.ts';
import { parseRule, RuleSyntaxError } from './rule-language.ts';

const person = (projectId: string, ...roles: string[]): Caller => ({
  userId: `user-of-${projectId}`,
  projectId,
  roles,
  serviceRoles: [],
  systemScope: false,
});

const admin = person('ops', 'admin');
const member = person('own', 'Member', 'reader');
const reader = person('own', 'reader');
const stranger = person('other', 'member', 'reader');

const image = (more: Partial<ImageSubject> = {}): ImageSubject => ({
  id: 'i1',
  owner: 'own',
  visibility: 'private',
  ...more,
});

describe('The rule language', () => {
  const target = { owner: 'p1', visibility: 'public', nobody: null };
  const context = {
    roles: new Set(['member']),
    credentials: { project_id: 'p1', is_admin: 'False' },
    target,
    follow: (rule: string) => rule === 'yes',
  };
  test.each([
    ['', true],
    ['@', true],
    ['!', false],
    ['role:member', true],
    ['role:Member', true],
    ['role:admin', false],
    ['rule:yes', true],
    ['rule:no', false],
    ['project_id:%(owner)s', true],
    ['project_id:%(missing)s', false],
    ['user_id:%(owner)s', false],
    ["'public':%(visibility)s", true],
    ["'shared':%(visibility)s", false],
    ['None:%(nobody)s', true],
    ['is_admin:False', true],
    ['not role:admin', true],
    ['not not role:admin', false],
    // `and` binds closer than `or`.
    ['role:member or role:admin and role:x', true],
    ['(role:member or role:admin) and role:x', false],
    ['role:member AND rule:yes', true],
    ['(role:member and (project_id:%(owner)s))', true],
  ])('%s is %s', (text, allowed) => {
    expect(parseRule(text).check(context)).toBe(allowed);
  });

  test.each([
    ['role:a and', 'it ends where a check should stand'],
    ['(role:a', 'a parenthesis is not closed'],
    ['role:a role:b', '"role:b" is not expected there'],
    ['admin', '"admin" is no check, such as role:admin'],
    ['http://policy.example.test', '"http:" asks a server, which Hallmark does not do'],
  ])('%s is refused', (text, message) => {
    expect(() => parseRule(text)).toThrow(new RuleSyntaxError(message));
  });
});

describe("Glance's personas", () => {
  const { policy } = Policy.parse({});
  const shared = image({ visibility: 'shared', memberId: 'other' });
  const community = image({ visibility: 'community' });
  const ownerless = image({ owner: null, visibility: 'shared' });

  test.each([
    ['admin sees any', admin, image(), true],
    ['owner sees its own', member, image(), true],
    ['reader sees its own', reader, image(), true],
    ['stranger does not see a private one', stranger, image(), false],
    ['stranger does not see one shared with others', stranger, image({ visibility: 'shared' }), false],
    ['the member project sees a shared one', stranger, shared, true],
    ['a share does not outlive the visibility', stranger, image({ memberId: 'other' }), false],
    ['stranger sees a community one', stranger, community, true],
    ['stranger sees one without owner', stranger, ownerless, true],
    ['a user without role sees nothing', person('own'), image(), false],
  ])('%s', (_, caller, subject, seen) => {
    expect(policy.maySee(caller, subject)).toBe(seen);
  });

  test.each([
    ['modify_image', admin, image(), true],
    ['modify_image', member, image(), true],
    ['modify_image', reader, image(), false],
    ['modify_image', stranger, community, false],
    ['modify_image', member, ownerless, false],
    ['download_image', reader, image(), false],
    ['download_image', stranger, shared, true],
    ['publicize_image', member, image(), false],
    ['communitize_image', member, image(), true],
    ['copy_image', member, image(), false],
    ['modify_member', member, shared, false],
    ['modify_member', stranger, shared, true],
    ['modify_member', admin, shared, true],
    ['get_members', stranger, shared, true],
  ] as const)('%s', (rule, caller, subject, allowed) => {
    expect(policy.allowsOn(rule, caller, subject)).toBe(allowed);
  });

  test('what may be seen is refused as forbidden, all else as missing', () => {
    expect(() => policy.requireOn('modify_image', stranger, community)).toThrow(
      'You are not authorized to complete modify_image action.',
    );
    expect(() => policy.requireOn('modify_image', stranger, image())).toThrow('No image found with ID i1');
  });

  test('a token without a project owns nothing', () => {
    expect(policy.allowsOn('modify_image', person('', 'member'), image({ owner: '' }))).toBe(false);
  });
});

describe("An operator's rules", () => {
  test('stand in the place of the defaults, and others may refer to them', () => {
    const { policy, faults } = Policy.parse({
      upload_image: 'role:service or rule:trusted',
      trusted: 'is_admin:True and role:uploader',
      context_is_admin: 'role:cloud_admin',
    });
    expect(faults).toEqual([]);
    expect(policy.allowsOn('upload_image', member, image())).toBe(false);
    expect(policy.allowsOn('upload_image', person('x', 'service'), image())).toBe(true);
    expect(policy.allowsOn('upload_image', person('x', 'cloud_admin', 'uploader'), image())).toBe(true);
    expect(policy.isAdmin(admin)).toBe(false);
  });

  test('all faults are told', () => {
    expect(Policy.parse({ get_image: 'role:a or', add_image: 'rule:nobody' }).faults).toEqual([
      { rule: 'get_image', message: 'it ends where a check should stand' },
      { rule: 'add_image', message: 'refers to rule:nobody, which does not exist' },
    ]);
  });

  test('rules that go round allow nothing', () => {
    const { policy } = Policy.parse({ a: 'rule:b', b: 'rule:a' });
    expect(policy.allows('a', admin, {})).toBe(false);
  });
});
