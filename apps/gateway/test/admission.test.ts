import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { forbidden, invalid, notReady, timeout, unauthenticated, unavailable } from '@hallmark/errors';
import { aCaller } from './fake-identity.ts';
import { House, MEMBER_TOKEN, SERVICE_TOKEN, type Reply } from './house.ts';

jest.setTimeout(30_000);

const CHALLENGE = 'Keystone uri="https://keystone.example.test/v3"';

const reasonOf = ({ body }: Reply): unknown =>
  (JSON.parse(body) as { error: { reason: unknown } }).error.reason;

let house: House;
beforeAll(async () => {
  house = await House.open();
});
afterAll(async () => house[Symbol.asyncDispose]());
beforeEach(() => {
  house.identity.failure = undefined;
  house.identity.asked.length = 0;
  house.vendordata.ttlMs = 0;
  house.vendordata.asked.length = 0;
});

describe('who is let in', () => {
  test('is a token with a service role', async () => {
    expect((await house.post()).status).toBe(200);
  });

  test('is not a request without a token', async () => {
    const reply = await house.post({ token: null });
    expect(reply.status).toBe(401);
    expect(reply.headers['www-authenticate']).toBe(CHALLENGE);
    expect(JSON.parse(reply.body)).toEqual({
      error: {
        code: 401,
        title: 'Unauthorized',
        message: 'The request you have made requires authentication.',
        reason: 'TOKEN_MISSING',
      },
    });
  });

  test('is not an empty token', async () => {
    expect(reasonOf(await house.post({ token: '' }))).toBe('TOKEN_MISSING');
    expect(house.identity.asked).toHaveLength(0);
  });

  test('is not a token that Keystone does not accept', async () => {
    const reply = await house.post({ token: 'made-up' });
    expect([reply.status, reasonOf(reply)]).toEqual([401, 'TOKEN_INVALID']);
    expect(reply.headers['www-authenticate']).toBe(CHALLENGE);
  });

  test('is not an ordinary member', async () => {
    const reply = await house.post({ token: MEMBER_TOKEN });
    expect([reply.status, reasonOf(reply)]).toEqual([403, 'ROLE_MISSING']);
    expect(reply.headers['www-authenticate']).toBeUndefined();
    // From here on the gateway knows the token itself.
    expect((await house.post({ token: MEMBER_TOKEN })).status).toBe(403);
  });

  test('asks for nothing before it is sure', async () => {
    await house.post({ token: null });
    await house.post({ token: MEMBER_TOKEN });
    await house.post({ token: 'made-up' });
    expect(house.vendordata.asked).toHaveLength(0);
  });

  test('is not asked again for a caller who is known', async () => {
    await house.post();
    const before = house.identity.asked.length;
    await house.post();
    await house.post();
    expect(house.identity.asked).toHaveLength(before);
  });

  test('asks again each time about a token that is not accepted', async () => {
    await house.post({ token: 'made-up' });
    await house.post({ token: 'made-up' });
    expect(house.identity.asked).toHaveLength(2);
  });
});

describe('a service token beside the token', () => {
  test('is validated too', async () => {
    await house.post({ headers: { 'x-service-token': 'service-token' } });
    expect(house.identity.asked[0]?.request).toEqual({ token: SERVICE_TOKEN, serviceToken: 'service-token' });
  });

  test('that is not accepted refuses the request', async () => {
    house.identity.failure = unauthenticated('SERVICE_TOKEN_INVALID', 'The service token is not accepted.');
    const reply = await house.post({ headers: { 'x-service-token': 'bad' } });
    expect([reply.status, reasonOf(reply)]).toEqual([401, 'SERVICE_TOKEN_INVALID']);
  });

  test('makes another pair, which the token alone does not stand for', async () => {
    await house.post();
    await house.post({ headers: { 'x-service-token': 'another' } });
    await house.post({ headers: { 'x-service-token': 'another' } });
    expect(house.identity.asked.filter(({ request }) => request.serviceToken === 'another')).toHaveLength(1);
  });
});

describe('when identity cannot say', () => {
  test.each([
    [
      'Keystone is down',
      unavailable('KEYSTONE_UNAVAILABLE', 'Keystone cannot be asked.', { retryAfterSeconds: 7 }),
    ],
    ['it takes too long', timeout('NO_TIME_LEFT', 'Too late.')],
    ['its own login is refused', notReady('SERVICE_LOGIN_REFUSED', 'Keystone refuses the login.')],
    ['it does not admit the gateway', forbidden('PEER_NOT_ALLOWED', 'Not among allowed_clients.')],
    ['it finds fault with the request', invalid('TOKEN_MALFORMED', 'Too long.')],
  ])('because %s: 503, never 401 or 403', async (_why, failure) => {
    house.identity.failure = failure;
    const reply = await house.post({ token: `new-${failure.reason}` });
    expect(reply.status).toBe(503);
    expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0);
    expect(reply.headers['www-authenticate']).toBeUndefined();
    expect(reasonOf(reply)).toBe(failure.reason);
  });

  test('because of a bug: 500', async () => {
    house.identity.failure = new Error('hunter2');
    const reply = await house.post({ token: 'new-bug' });
    expect(reply.status).toBe(500);
    expect(reply.body).not.toContain('hunter2');
  });

  test('those who are known are still let in', async () => {
    await house.post();
    house.identity.failure = unavailable('KEYSTONE_UNAVAILABLE', 'Keystone cannot be asked.');
    expect((await house.post()).status).toBe(200);
  });
});

describe('claims of identity from outside', () => {
  const FORGED = {
    'X-Identity-Status': 'Confirmed',
    'X-Roles': 'service,admin',
    'X-User-Id': 'nova-id',
    'X-User-Name': 'nova',
    'X-Service-Roles': 'service',
    'X-Service-Identity-Status': 'Confirmed',
    'OpenStack-System-Scope': 'all',
    X_Roles: 'service',
    x_identity_status: 'Confirmed',
    X_Auth_Token: SERVICE_TOKEN,
    x_auth_token: SERVICE_TOKEN,
  };

  test('are no token', async () => {
    expect((await house.post({ token: null, headers: FORGED })).status).toBe(401);
  });

  test('do not help a token without the role', async () => {
    expect((await house.post({ token: MEMBER_TOKEN, headers: FORGED })).status).toBe(403);
  });

  test('do not hurt a token with the role', async () => {
    expect((await house.post({ headers: { ...FORGED, 'X-Roles': 'member' } })).status).toBe(200);
    expect(house.requests.at(-1)).toMatchObject({ userId: 'nova-id' });
  });

  test('reach no service', async () => {
    house.identity.callers.set('fresh', aCaller());
    await house.post({ token: 'fresh', headers: FORGED });
    const sent = house.vendordata.asked.flatMap(({ call }) => Object.keys(call.metadata.getMap()));
    expect(sent).toContain('x-openstack-request-id');
    expect(sent.filter((key) => /auth|identity|role|user-id|user-name|scope/.test(key))).toEqual([]);
  });
});

describe('users who may call', () => {
  test('are those listed, by name or by id', async () => {
    await using strict = await House.open({
      ini: '[vendordata_endpoint]\nservice_roles = service, nova\nallowed_users = nova, cinder-id\n',
    });
    strict.identity.callers.set(
      'by-id',
      aCaller({ userId: 'cinder-id', userName: 'cinder', roles: ['nova'] }),
    );
    strict.identity.callers.set('unlisted', aCaller({ userId: 'x', userName: 'glance' }));
    expect((await strict.post()).status).toBe(200);
    expect((await strict.post({ token: 'by-id' })).status).toBe(200);
    const reply = await strict.post({ token: 'unlisted' });
    expect([reply.status, reasonOf(reply)]).toEqual([403, 'USER_NOT_ALLOWED']);
  });
});

test('the challenge names the auth URL where no public one is configured', async () => {
  await using plain = await House.open({
    ini: '[keystone_authtoken]\nwww_authenticate_uri =\nauth_url = http://k.test:5000/v3\n',
  });
  expect((await plain.post({ token: null })).headers['www-authenticate']).toBe(
    'Keystone uri="http://k.test:5000/v3"',
  );
});
