import { afterEach, describe, expect, test } from '@jest/globals';
import { request, type Dispatcher } from 'undici';
import { startFakeKeystone, type FakeKeystone, type FakeKeystoneOptions } from '../src/fake-keystone.ts';

/** The facts are those of a real Keystone, as `nova-metadata.md` section 6 lists them. */

let keystone: FakeKeystone | undefined;

afterEach(async () => {
  await keystone?.[Symbol.asyncDispose]();
});

async function start(options?: FakeKeystoneOptions): Promise<FakeKeystone> {
  keystone = await startFakeKeystone(options);
  return keystone;
}

interface Reply {
  status: number;
  headers: Dispatcher.ResponseData['headers'];
  text: string;
}

async function ask(
  url: string,
  options: Omit<Dispatcher.RequestOptions, 'path' | 'origin' | 'method'> & {
    method?: Dispatcher.HttpMethod;
  } = {},
): Promise<Reply> {
  const { statusCode, headers, body } = await request(url, options);
  return { status: statusCode, headers, text: await body.text() };
}

const password = (user: object, scope?: unknown): object => ({
  auth: {
    identity: { methods: ['password'], password: { user } },
    ...(scope === undefined ? {} : { scope }),
  },
});

async function logIn(fake: FakeKeystone, body: unknown, query = ''): Promise<Reply> {
  return ask(`${fake.url}/v3/auth/tokens${query}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
}

async function aboutToken(
  fake: FakeKeystone,
  validator: string | undefined,
  subject: string | undefined,
  { method = 'GET', query = '' }: { method?: Dispatcher.HttpMethod; query?: string } = {},
): Promise<Reply> {
  return ask(`${fake.url}/v3/auth/tokens${query}`, {
    method,
    headers: {
      ...(validator === undefined ? {} : { 'X-Auth-Token': validator }),
      ...(subject === undefined ? {} : { 'X-Subject-Token': subject }),
    },
  });
}

const DEFAULT = { id: 'default', name: 'Default' };
const NOVA = { name: 'nova', domain: { id: 'default' }, password: 'nova-secret' };
const SERVICE = { project: { name: 'service', domain: { name: 'Default' } } };

describe('version documents', () => {
  test('GET / is 300 with the list and a Location', async () => {
    const fake = await start();
    const reply = await ask(`${fake.url}/`);
    expect(reply.status).toBe(300);
    expect(reply.headers['location']).toBe(`${fake.url}/v3/`);
    expect(JSON.parse(reply.text)).toMatchObject({
      versions: { values: [{ id: 'v3.14', status: 'stable' }] },
    });
  });

  test('GET /v3 is 200 with a single version', async () => {
    const fake = await start();
    const reply = await ask(`${fake.url}/v3`);
    expect(reply.status).toBe(200);
    expect(JSON.parse(reply.text)).toMatchObject({ version: { id: 'v3.14' } });
  });
});

describe('logging in', () => {
  test('answers 201 with the token in a header and the body in its order, one line, no line feed', async () => {
    const fake = await start();
    const reply = await logIn(fake, password(NOVA, SERVICE));

    expect(reply.status).toBe(201);
    expect(reply.headers).toMatchObject({ vary: 'X-Auth-Token', 'content-type': 'application/json' });
    expect(reply.headers['x-openstack-request-id']).toMatch(/^req-[0-9a-f-]{36}$/);
    expect(reply.headers['x-subject-token']).toMatch(/^gAAAAA[\w-]{177}$/);
    expect(reply.text).toMatch(
      /^\{"token": \{"methods": \["password"\], "user": \{"domain": \{"id": "default", "name": "Default"\}, "id": "[0-9a-f]{32}", "name": "nova", "password_expires_at": null\}, "audit_ids": \["[\w-]{22}"\], "expires_at": "[\d-]{10}T[\d:]{8}\.\d{6}Z", "issued_at": "[^"]+", "project": \{"domain": [^}]+\}, "id": "[0-9a-f]{32}", "name": "service"\}, "is_domain": false, "roles": \[[^\]]+\], "catalog": \[.*\]\}\}$/,
    );
  });

  test('leaves the catalog out when nocatalog is there, whatever its value', async () => {
    const fake = await start();
    const reply = await logIn(fake, password(NOVA, SERVICE), '?nocatalog=false');
    expect(JSON.parse(reply.text)).toMatchObject({ token: { user: { name: 'nova' } } });
    expect(reply.text).not.toContain('catalog');
  });

  const users = [
    {
      name: 'boss',
      password: 'p',
      projects: { service: ['admin'] },
      domainRoles: ['domain-admin'],
      systemRoles: ['reader'],
    },
  ];
  const boss = { name: 'boss', domain: { name: 'Default' }, password: 'p' };
  test.each([
    { scope: SERVICE, shows: { project: { name: 'service', domain: DEFAULT }, roles: [{ name: 'admin' }] } },
    { scope: { domain: { id: 'default' } }, shows: { domain: DEFAULT, roles: [{ name: 'domain-admin' }] } },
    { scope: { system: { all: true } }, shows: { system: { all: true }, roles: [{ name: 'reader' }] } },
  ])('scopes the token to $scope', async ({ scope, shows }) => {
    const fake = await start({ users });
    const reply = await logIn(fake, password(boss, scope));
    expect(JSON.parse(reply.text)).toMatchObject({ token: shows });
  });

  test('without a scope and a default project, the token has neither roles nor catalog', async () => {
    const fake = await start();
    const reply = await logIn(fake, password(NOVA));
    const body = JSON.parse(reply.text) as { token: object };
    expect(Object.keys(body.token)).toEqual(['methods', 'user', 'audit_ids', 'expires_at', 'issued_at']);
  });

  test('an application credential brings its project, and its end is the end of the token', async () => {
    const expiresAt = new Date(Date.now() + 60_000);
    const credential = {
      name: 'app',
      secret: 's',
      user: 'nova',
      project: 'service',
      roles: ['service'],
      expiresAt,
    };
    const fake = await start({ applicationCredentials: [credential] });
    const id = fake.applicationCredentialId(credential);
    const identity = { methods: ['application_credential'], application_credential: { id, secret: 's' } };

    const reply = await logIn(fake, { auth: { identity } });

    expect(reply.status).toBe(201);
    expect(JSON.parse(reply.text)).toMatchObject({
      token: {
        expires_at: expiresAt.toISOString().replace('Z', '000Z'),
        project: { name: 'service' },
        application_credential: { id, name: 'app' },
      },
    });
    expect((await logIn(fake, { auth: { identity, scope: SERVICE } })).status).toBe(401);
  });

  const REFUSED =
    '{"error":{"code":401,"message":"The request you have made requires authentication.","title":"Unauthorized"}}\n';
  test.each([
    { it: 'a wrong password', body: password({ ...NOVA, password: 'x' }, SERVICE) },
    { it: 'an unknown user', body: password({ ...NOVA, name: 'nobody' }, SERVICE) },
    { it: 'a scope without a role', body: password(NOVA, { domain: { id: 'default' } }) },
  ])('refuses $it with the same body as any other', async ({ body }) => {
    const fake = await start();
    const reply = await logIn(fake, body);
    expect(reply).toMatchObject({ status: 401, text: REFUSED });
    expect(reply.headers['www-authenticate']).toBe(`Keystone uri="${fake.url}/v3"`);
  });

  test('refuses a body without auth, a missing content type and one that is too large', async () => {
    const fake = await start();
    expect((await logIn(fake, {})).text).toMatch(
      /^\{"error":\{"code":400,"message":"Expecting to find auth in request body\. /,
    );
    expect((await ask(`${fake.url}/v3/auth/tokens`, { method: 'POST', body: '{}' })).status).toBe(400);
    const large = await logIn(fake, { filler: 'x'.repeat(114_688) });
    expect(large).toMatchObject({ status: 413, headers: { 'content-type': 'text/plain' } });
  });
});

describe('validating', () => {
  test('a service may GET what others hold, but not HEAD it', async () => {
    const fake = await start();
    const [nova, alice] = [fake.issue({ user: 'nova' }), fake.issue({ user: 'alice' })];

    const got = await aboutToken(fake, nova, alice, { query: '?nocatalog' });
    expect(got.status).toBe(200);
    expect(got.headers['x-subject-token']).toBe(alice);
    expect(JSON.parse(got.text)).toMatchObject({
      token: { user: { name: 'alice' }, project: { name: 'demo' } },
    });
    expect((await aboutToken(fake, nova, alice, { method: 'HEAD' })).status).toBe(403);
  });

  test('an administrator may HEAD, and learns the length of the GET', async () => {
    const fake = await start();
    const admin = fake.issue({ user: 'nova', roles: ['admin'] });
    const got = await aboutToken(fake, admin, admin);
    const head = await aboutToken(fake, admin, admin, { method: 'HEAD' });
    expect(head).toMatchObject({ status: 200, text: '' });
    expect(head.headers['content-length']).toBe(String(Buffer.byteLength(got.text)));
  });

  test('a bad validator wins over a missing subject, and a bad subject over a validator without rights', async () => {
    const fake = await start();
    const alice = fake.issue({ user: 'alice' });
    const bad = await aboutToken(fake, 'nonsense', undefined);
    expect(bad.status).toBe(401);
    expect(bad.headers['www-authenticate']).toBe(`Keystone uri="${fake.url}/v3"`);
    expect(await aboutToken(fake, alice, 'nonsense')).toMatchObject({
      status: 404,
      text: '{"error":{"code":404,"message":"Could not recognize Fernet token","title":"Not Found"}}\n',
    });
    expect(await aboutToken(fake, alice, undefined)).toMatchObject({
      status: 404,
      text: '{"error":{"code":404,"message":"No token in the request","title":"Not Found"}}\n',
    });
    expect(await aboutToken(fake, alice, fake.issue({ user: 'nova' }))).toMatchObject({
      status: 403,
      text: '{"error":{"code":403,"message":"You are not authorized to perform the requested action: identity:validate_token.","title":"Forbidden"}}\n',
    });
    expect((await aboutToken(fake, alice, alice)).status).toBe(200);
  });

  test('an expired token is 404 unless expired ones are allowed; a revoked one is 404 in any case', async () => {
    const fake = await start();
    const nova = fake.issue({ user: 'nova' });
    const expired = fake.issue({ user: 'alice', expiresInSeconds: -10 });
    expect((await aboutToken(fake, nova, expired)).status).toBe(404);
    expect((await aboutToken(fake, nova, expired, { query: '?allow_expired=1' })).status).toBe(200);
    fake.revoke(expired);
    expect(await aboutToken(fake, nova, expired, { query: '?allow_expired=1' })).toMatchObject({
      status: 404,
      text: '{"error":{"code":404,"message":"Failed to validate token","title":"Not Found"}}\n',
    });
  });

  test('DELETE ends the own token with 204; the service role does not help with others', async () => {
    const fake = await start();
    const [nova, alice] = [fake.issue({ user: 'nova' }), fake.issue({ user: 'alice' })];
    expect((await aboutToken(fake, nova, alice, { method: 'DELETE' })).status).toBe(403);
    const ended = await aboutToken(fake, alice, alice, { method: 'DELETE' });
    expect(ended.status).toBe(204);
    expect(ended.headers['content-type']).toBeUndefined();
    expect((await aboutToken(fake, nova, alice)).status).toBe(404);
  });
});

describe('misbehaving', () => {
  test('refuses connections while down, and comes up on the same port with what it knew', async () => {
    const fake = await start();
    const { url } = fake;
    const nova = fake.issue({ user: 'nova' });
    await fake.goDown();
    await expect(aboutToken(fake, nova, nova)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await fake.comeUp();
    expect(fake.url).toBe(url);
    expect((await aboutToken(fake, nova, nova)).status).toBe(200);
  });

  test('answers as told until told otherwise, and remembers what it was asked', async () => {
    const fake = await start();
    fake.respondWith(503);
    expect((await logIn(fake, password(NOVA))).status).toBe(503);
    fake.respondWith(200, 'garbage');
    expect((await logIn(fake, password(NOVA))).text).toBe('garbage');
    fake.respondWith();
    expect((await logIn(fake, password(NOVA))).status).toBe(201);
    expect(fake.tokenRequests).toHaveLength(3);
    expect(JSON.parse(fake.requests[0]?.body ?? '')).toEqual(password(NOVA));
  });
});
