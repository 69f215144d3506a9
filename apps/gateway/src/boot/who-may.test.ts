import { expect, test } from '@jest/globals';
import { mayDo, type Action, type Verdict } from './who-may.ts';

const rule = {
  readerRoles: new Set(['reader', 'member']),
  writerRoles: new Set(['member']),
  adminRoles: new Set(['admin']),
};

interface Case {
  it: string;
  roles: string[];
  action: Action;
  project?: string;
  system?: boolean;
  verdict: Verdict['kind'] | 'all';
}

const cases: Case[] = [
  { it: 'lets a reader read its project', roles: ['reader'], action: 'read', verdict: 'allowed' },
  { it: 'lets a reader change nothing', roles: ['reader'], action: 'change', verdict: 'role-missing' },
  { it: 'lets a reader boot nothing', roles: ['reader'], action: 'boot', verdict: 'role-missing' },
  { it: 'lets a member read', roles: ['member'], action: 'read', verdict: 'allowed' },
  { it: 'lets a member change', roles: ['member'], action: 'change', verdict: 'allowed' },
  { it: 'lets a member boot', roles: ['member'], action: 'boot', verdict: 'allowed' },
  { it: 'finds a role among others', roles: ['x', 'member'], action: 'boot', verdict: 'allowed' },
  { it: 'takes any case of letters', roles: ['Member'], action: 'boot', verdict: 'allowed' },
  { it: 'does not split a role at its comma', roles: ['x,member'], action: 'read', verdict: 'role-missing' },
  { it: 'refuses a token without roles', roles: [], action: 'read', verdict: 'role-missing' },
  { it: 'refuses a stranger', roles: ['service'], action: 'read', verdict: 'role-missing' },
  { it: 'lets an admin read all', roles: ['admin'], action: 'read', verdict: 'all' },
  { it: 'lets an admin change all', roles: ['ADMIN'], action: 'change', verdict: 'all' },
  {
    it: 'lets an admin without project read all',
    roles: ['admin'],
    action: 'read',
    project: '',
    verdict: 'all',
  },
  {
    it: 'gives an admin without project nowhere to boot',
    roles: ['admin'],
    action: 'boot',
    project: '',
    verdict: 'project-missing',
  },
  {
    it: 'gives a member without project nothing',
    roles: ['member'],
    action: 'read',
    project: '',
    verdict: 'project-missing',
  },
  {
    it: 'lets a reader of the system read all',
    roles: ['reader'],
    action: 'read',
    project: '',
    system: true,
    verdict: 'all',
  },
  {
    it: 'lets a member of the system change nothing',
    roles: ['member'],
    action: 'change',
    project: '',
    system: true,
    verdict: 'project-missing',
  },
  {
    it: 'lets an admin of the system change all',
    roles: ['admin'],
    action: 'change',
    project: '',
    system: true,
    verdict: 'all',
  },
  {
    it: 'lets nobody boot into the system',
    roles: ['admin'],
    action: 'boot',
    project: '',
    system: true,
    verdict: 'project-missing',
  },
];

test.each(cases)('$it', ({ roles, action, project = 'p1', system = false, verdict }) => {
  const found = mayDo(rule, { projectId: project, roles, systemScope: system }, action);
  expect(found.kind).toBe(verdict === 'all' ? 'allowed' : verdict);
  if (found.kind !== 'allowed') return;
  expect(found.projectId).toBe(project);
  expect(found.othersToo).toBe(verdict === 'all');
});
