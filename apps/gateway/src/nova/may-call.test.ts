import { describe, expect, test } from '@jest/globals';
import { mayCall, type Verdict } from './may-call.ts';

interface Case {
  it: string;
  roles: string[];
  serviceRoles?: string[];
  allowedUsers?: string[];
  verdict: Verdict;
}

const cases: Case[] = [
  { it: 'lets a service role in', roles: ['service'], verdict: 'allowed' },
  { it: 'finds it among other roles', roles: ['member', 'service', 'reader'], verdict: 'allowed' },
  { it: 'takes any one of several', roles: ['nova'], serviceRoles: ['service', 'nova'], verdict: 'allowed' },
  { it: 'refuses an ordinary member', roles: ['member', 'reader'], verdict: 'role-missing' },
  { it: 'refuses an admin without the role', roles: ['admin'], verdict: 'role-missing' },
  { it: 'refuses a token without roles', roles: [], verdict: 'role-missing' },
  { it: 'compares roles as they are spelt', roles: ['Service'], verdict: 'role-missing' },
  { it: 'does not split a role at its comma', roles: ['member,service'], verdict: 'role-missing' },
  {
    it: 'refuses everyone when no role suffices',
    roles: ['service'],
    serviceRoles: [],
    verdict: 'role-missing',
  },
  { it: 'knows a listed user by id', roles: ['service'], allowedUsers: ['u-1'], verdict: 'allowed' },
  { it: 'knows a listed user by name', roles: ['service'], allowedUsers: ['nova'], verdict: 'allowed' },
  {
    it: 'refuses an unlisted user',
    roles: ['service'],
    allowedUsers: ['cinder'],
    verdict: 'user-not-allowed',
  },
  {
    it: 'asks for the role of listed users too',
    roles: ['member'],
    allowedUsers: ['nova'],
    verdict: 'role-missing',
  },
];

describe('who may ask for vendordata', () => {
  test.each(cases)('$it', ({ roles, serviceRoles = ['service'], allowedUsers = [], verdict }) => {
    const rule = { serviceRoles: new Set(serviceRoles), allowedUsers: new Set(allowedUsers) };
    expect(mayCall(rule, { userId: 'u-1', userName: 'nova', roles })).toBe(verdict);
  });
});
