import { expect, test } from '@jest/globals';
import { accessTo } from './access.ts';

const cases = [
  { it: 'opens the group of each role', roles: ['reader', 'member'], groups: ['auditors', 'users'] },
  { it: 'opens nothing for a role it does not know', roles: ['mail-operator'], groups: [] },
  { it: 'opens nothing without roles', roles: [], groups: [] },
  { it: 'names a group once', roles: ['member', 'member'], groups: ['users'] },
  { it: 'takes role names as data', roles: ['__proto__', 'constructor'], groups: [] },
];

test.each(cases)('$it', ({ roles, groups }) => {
  expect(accessTo('mail-1', roles)).toEqual({ host: 'mail-1', groups });
});
