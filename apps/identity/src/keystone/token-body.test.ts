import { describe, expect, test } from '@jest/globals';
import { errorFromBody, ownerFromBody } from './token-body.ts';

const DEFAULT = { id: 'default', name: 'Default' };
const USER = { domain: DEFAULT, id: 'u1', name: 'nova', password_expires_at: null };
const ALWAYS = {
  methods: ['password'],
  user: USER,
  audit_ids: ['Zm9vYmFyYmF6cXV4Zm9vMQ'],
  expires_at: '2026-11-21T20:14:05.000000Z',
  issued_at: '2026-11-21T19:14:05.000000Z',
};
const OWNER = {
  user: { id: 'u1', name: 'nova', domain: DEFAULT },
  roles: [],
  systemScope: false,
  expiresAtMs: Date.UTC(2026, 10, 21, 20, 14, 5),
};

describe('the owner of a token', () => {
  test.each([
    { it: 'unscoped', token: ALWAYS, owner: OWNER },
    {
      it: 'scoped to a project',
      token: {
        ...ALWAYS,
        project: { domain: DEFAULT, id: 'p1', name: 'service' },
        is_domain: false,
        roles: [
          { id: 'r1', name: 'service' },
          { id: 'r2', name: 'a,b' },
        ],
      },
      owner: {
        ...OWNER,
        project: { domain: DEFAULT, id: 'p1', name: 'service' },
        roles: ['service', 'a,b'],
      },
    },
    {
      it: 'scoped to the system',
      token: { ...ALWAYS, system: { all: true }, roles: [{ id: 'r1', name: 'admin' }] },
      owner: { ...OWNER, systemScope: true, roles: ['admin'] },
    },
    {
      it: 'scoped to a domain',
      token: { ...ALWAYS, domain: DEFAULT, roles: [{ id: 'r1', name: 'admin' }] },
      owner: { ...OWNER, roles: ['admin'] },
    },
  ])('$it', ({ token, owner }) => {
    expect(ownerFromBody(JSON.stringify({ token }))).toEqual(owner);
  });

  test.each([
    { it: 'no JSON', text: '<html>' },
    { it: 'JSON of something else', text: '{"status": "ok"}' },
    { it: 'a token without an end', text: JSON.stringify({ token: { user: USER } }) },
    { it: 'a token with a broken end', text: JSON.stringify({ token: { ...ALWAYS, expires_at: 'soon' } }) },
  ])('is not made up from $it', ({ text }) => {
    expect(ownerFromBody(text)).toBeUndefined();
  });
});

test('an error is read only from the document that Keystone writes', () => {
  expect(errorFromBody('{"error":{"code":404,"message":"x","title":"Not Found"}}\n')).toEqual({
    code: 404,
    message: 'x',
  });
  expect(errorFromBody('<html>404 Not Found</html>')).toBeUndefined();
});
