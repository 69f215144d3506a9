import { expect, test } from '@jest/globals';
import { judgeServiceToken } from './service-token-rules.ts';

test.each([
  { it: 'confirms any one of the roles', roles: ['member', 'glance'], required: true, verdict: 'confirmed' },
  {
    it: 'confirms a role also when none is required',
    roles: ['service'],
    required: false,
    verdict: 'confirmed',
  },
  { it: 'refuses a token without such a role', roles: ['member'], required: true, verdict: 'refused' },
  {
    it: 'tolerates it when roles are not required',
    roles: ['member'],
    required: false,
    verdict: 'tolerated',
  },
  { it: 'compares letter by letter', roles: ['Service'], required: true, verdict: 'refused' },
  { it: 'refuses an unscoped token', roles: [], required: true, verdict: 'refused' },
])('$it', ({ roles, required, verdict }) => {
  expect(judgeServiceToken(roles, { roles: ['service', 'glance'], rolesRequired: required })).toBe(verdict);
});
