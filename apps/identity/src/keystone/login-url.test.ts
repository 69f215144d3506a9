import { describe, expect, test } from '@jest/globals';
import { faultOfAuthUrl, loginUrl, loginUrlFrom } from './login-url.ts';

describe('the URL for logins', () => {
  test.each([
    { authUrl: 'https://ks/v3', plugin: 'generic', kind: 'tokens', url: 'https://ks/v3/auth/tokens' },
    { authUrl: 'https://ks/v3/', plugin: 'generic', kind: 'tokens', url: 'https://ks/v3/auth/tokens' },
    {
      authUrl: 'http://ks:5000/identity/v3',
      plugin: 'versioned',
      kind: 'tokens',
      url: 'http://ks:5000/identity/v3/auth/tokens',
    },
    { authUrl: 'http://ks:5000/', plugin: 'versioned', kind: 'tokens', url: 'http://ks:5000/v3/auth/tokens' },
    {
      authUrl: 'http://ks/identity',
      plugin: 'versioned',
      kind: 'tokens',
      url: 'http://ks/identity/v3/auth/tokens',
    },
    { authUrl: 'http://ks:5000/', plugin: 'generic', kind: 'discover', url: 'http://ks:5000/' },
    { authUrl: 'http://ks/identity', plugin: 'generic', kind: 'discover', url: 'http://ks/identity' },
  ] as const)('$plugin plug-in, $authUrl: $kind $url', ({ authUrl, plugin, kind, url }) => {
    expect(loginUrl(authUrl, plugin)).toEqual({ kind, url });
  });
});

describe('a version document', () => {
  const v3 = (href: string): object => ({ id: 'v3.14', status: 'stable', links: [{ rel: 'self', href }] });
  const list = (...values: object[]): object => ({ versions: { values } });
  test.each([
    {
      it: 'leads to v3 among others',
      document: list({ id: 'v2.0', links: [] }, v3('http://ks:5000/v3/')),
      url: 'http://ks:5000/v3/auth/tokens',
    },
    {
      it: 'of one version leads to it',
      document: { version: v3('http://ks:5000/v3') },
      url: 'http://ks:5000/v3/auth/tokens',
    },
    {
      it: 'may hold a relative link',
      document: list(v3('/identity/v3/')),
      url: 'http://ks:5000/identity/v3/auth/tokens',
    },
    {
      it: 'does not lead to another host',
      document: list(v3('http://10.0.0.7:5000/v3/')),
      url: 'http://ks:5000/v3/auth/tokens',
    },
    { it: 'may lack the link', document: list({ id: 'v3.8' }), url: 'http://ks:5000/v3/auth/tokens' },
    { it: 'without v3 leads nowhere', document: list({ id: 'v2.0', links: [] }), url: undefined },
    { it: 'of something else leads nowhere', document: { status: 'ok' }, url: undefined },
    { it: 'that is no object leads nowhere', document: null, url: undefined },
  ])('$it', ({ document, url }) => {
    expect(loginUrlFrom(document, 'http://ks:5000/')).toBe(url);
  });

  test('does not lead from https to http', () => {
    expect(loginUrlFrom(list(v3('http://ks/v3/')), 'https://ks')).toBe('https://ks/v3/auth/tokens');
  });
});

test.each([
  { text: 'https://keystone.example.test/v3', fault: undefined },
  { text: 'http://[::1]:5000', fault: undefined },
  { text: 'keystone.example.test:5000', fault: /no http or https URL/ },
  { text: 'ftp://keystone', fault: /no http or https URL/ },
  { text: 'http://u:p@keystone/v3', fault: /user or a password/ },
  { text: 'http://keystone/v3?x=1', fault: /query/ },
  { text: 'http://keystone:5000/v2.0', fault: /version 2/ },
])('auth_url = $text: $fault', ({ text, fault }) => {
  if (fault) expect(faultOfAuthUrl(text)).toMatch(fault);
  else expect(faultOfAuthUrl(text)).toBeUndefined();
});
