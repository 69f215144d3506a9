import { afterEach, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import type { identity } from '@hallmark/contracts';
import { waitFor } from '@hallmark/testing';
import { loginsOf, startHouse, validationsOf, type House, type HouseOptions } from './house.ts';

let house: House;

afterEach(async () => {
  await house[Symbol.asyncDispose]();
});

async function start(options?: HouseOptions): Promise<House> {
  house = await startHouse(options);
  return house;
}

/** For how long a reader may believe an answer. */
const ttlMsOf = (reuse: identity.Reuse | undefined): number =>
  (reuse?.ttl?.seconds ?? NaN) * 1_000 + (reuse?.ttl?.nanos ?? NaN) / 1e6;

const INVALID = { code: 'unauthenticated', reason: 'TOKEN_INVALID' };
const SERVICE_INVALID = { code: 'unauthenticated', reason: 'SERVICE_TOKEN_INVALID' };

describe('a valid token', () => {
  test('says who its owner is, and how long that holds', async () => {
    const { keystone, validate } = await start();
    const answer = await validate(keystone.issue({ user: 'alice' }));

    expect(answer.caller).toMatchObject({
      userName: 'alice',
      userDomainId: 'default',
      userDomainName: 'Default',
      projectName: 'demo',
      projectDomainId: 'default',
      projectDomainName: 'Default',
      roles: ['member', 'reader'],
      systemScope: false,
    });
    expect(answer.caller?.userId).toMatch(/^[0-9a-f]{32}$/);
    expect(answer.caller?.expiresAt?.getTime()).toBeGreaterThan(Date.now() + 3_500_000);
    expect(answer.service).toBeUndefined();
    const ttl = answer.reuse?.ttl?.seconds ?? 0;
    expect(ttl).toBeGreaterThanOrEqual(295);
    expect(ttl).toBeLessThanOrEqual(300);
    expect(answer.reuse?.version).toBeGreaterThan(Date.now() - 60_000);
  });

  test('is asked for without its catalog, with the validator’s own token and the caller’s request id', async () => {
    const { keystone, client } = await start();
    const token = keystone.issue({ user: 'alice' });
    const requestId = 'req-7d7ba0f1-6a64-4b2c-9d7e-0c2d7f6a1b11';
    await client.validateToken({ token, serviceToken: '' }, { requestId, timeoutMs: 5_000 });

    expect(validationsOf(keystone)).toEqual([
      expect.objectContaining({
        url: '/v3/auth/tokens?nocatalog',
        headers: expect.objectContaining({ 'x-subject-token': token, 'x-openstack-request-id': requestId }),
      }),
    ]);
    expect(loginsOf(keystone, 'hallmark')).toHaveLength(1);
  });

  test('may be surrounded by white space', async () => {
    const { keystone, validate } = await start();
    const answer = await validate(`  ${keystone.issue({ user: 'alice' })}\t`);
    expect(answer.caller?.userName).toBe('alice');
  });

  test('keeps role names as they are, commas included', async () => {
    const { keystone, validate } = await start();
    const answer = await validate(keystone.issue({ user: 'alice', roles: ['Member', 'a,b'] }));
    expect(answer.caller?.roles).toEqual(['Member', 'a,b']);
  });

  test('scoped to the system shows no project', async () => {
    const operator = { name: 'op', password: 'p', systemRoles: ['admin'] };
    const hallmark = { name: 'hallmark', password: 'hallmark-secret', projects: { service: ['service'] } };
    const { keystone, validate, metric } = await start({
      keystone: { users: [operator, hallmark] },
      config: { vendordata_dynamic_auth: { auth_type: '' } },
    });
    const login = await fetch(`${keystone.url}/v3/auth/tokens`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        auth: {
          identity: {
            methods: ['password'],
            password: { user: { name: 'op', domain: { id: 'default' }, password: 'p' } },
          },
          scope: { system: { all: true } },
        },
      }),
    });
    const answer = await validate(login.headers.get('x-subject-token') ?? '');
    expect(answer.caller).toMatchObject({
      systemScope: true,
      projectId: '',
      projectName: '',
      roles: ['admin'],
    });
    expect(await metric('hallmark_identity_validations_total', { result: 'valid' })).toBe(1);
  });
});

describe('the cache', () => {
  test('spares Keystone the second question', async () => {
    const { keystone, validate, metric } = await start();
    const token = keystone.issue({ user: 'alice' });
    const first = await validate(token);
    const second = await validate(token);

    expect(second.caller).toEqual(first.caller);
    expect(validationsOf(keystone)).toHaveLength(1);
    expect(await metric('hallmark_identity_validations_total', { result: 'cached' })).toBe(1);
    expect(await metric('hallmark_identity_cache_entries')).toBe(1);
  });

  test('lets 100 at the same time share one request', async () => {
    const { keystone, validate } = await start();
    keystone.delay(50);
    const token = keystone.issue({ user: 'alice' });
    const answers = await Promise.all(Array.from({ length: 100 }, () => validate(token)));

    expect(new Set(answers.map(({ caller }) => caller?.userName))).toEqual(new Set(['alice']));
    expect(validationsOf(keystone)).toHaveLength(1);
  });

  test('believes no longer than token_cache_time, and tells readers so', async () => {
    const { keystone, validate } = await start({ config: { keystone_authtoken: { token_cache_time: 1 } } });
    const token = keystone.issue({ user: 'alice' });
    const { reuse } = await validate(token);
    expect(ttlMsOf(reuse)).toBeLessThanOrEqual(1_000);
    keystone.revoke(token);
    expect((await validate(token)).caller?.userName).toBe('alice');
    await waitFor('the end of the entry', () =>
      validate(token).then(
        () => false,
        () => true,
      ),
    );
    await expect(validate(token)).rejects.toMatchObject(INVALID);
  });

  test('believes no longer than 300 s, whatever token_cache_time says', async () => {
    const { keystone, validate } = await start({
      config: { keystone_authtoken: { token_cache_time: 3000 } },
    });
    const { reuse } = await validate(keystone.issue({ user: 'alice' }));
    expect(reuse?.ttl?.seconds).toBeLessThanOrEqual(300);
  });

  test.each([{ token_cache_time: -1 }, { token_cache_time: 0 }])(
    'is off with $token_cache_time',
    async (config) => {
      const { keystone, validate } = await start({ config: { keystone_authtoken: config } });
      const token = keystone.issue({ user: 'alice' });
      const { reuse } = await validate(token);
      await validate(token);
      expect(reuse?.ttl).toEqual({ seconds: 0, nanos: 0 });
      expect(validationsOf(keystone)).toHaveLength(2);
    },
  );

  test('never outlives the token, and takes the clock at its word', async () => {
    const { keystone, validate } = await start();
    const expiresInSeconds = 1.5;
    const token = keystone.issue({ user: 'alice', expiresInSeconds });
    const { caller, reuse } = await validate(token);
    const endsAt = caller?.expiresAt?.getTime() ?? 0;
    const ttlMs = ttlMsOf(reuse);
    expect(ttlMs).toBeLessThanOrEqual(expiresInSeconds * 1000);
    await waitFor('the end of the token', async () => {
      const sentAt = Date.now();
      const accepted = await validate(token).then(
        () => true,
        () => false,
      );
      if (accepted) expect(sentAt).toBeLessThan(endsAt);
      return !accepted;
    });
    await expect(validate(token)).rejects.toMatchObject(INVALID);
  });

  test('holds no more than cache_max_entries', async () => {
    const { keystone, validate, metric } = await start({ config: { identity: { cache_max_entries: 2 } } });
    const tokens = [1, 2, 3].map(() => keystone.issue({ user: 'alice' }));
    for (const token of tokens) await validate(token);
    expect(await metric('hallmark_identity_cache_entries')).toBe(2);
    await validate(tokens[0] ?? '');
    expect(validationsOf(keystone)).toHaveLength(4);
  });

  test('can be left out altogether', async () => {
    const { keystone, validate } = await start({ config: { identity: { cache_max_entries: 0 } } });
    const token = keystone.issue({ user: 'alice' });
    await validate(token);
    await validate(token);
    expect(validationsOf(keystone)).toHaveLength(2);
  });
});

describe('a token that Keystone does not accept', () => {
  test('is refused, and asked for again each time', async () => {
    const { keystone, validate } = await start();
    await expect(validate('gAAAAAnonsense')).rejects.toMatchObject(INVALID);
    await expect(validate('gAAAAAnonsense')).rejects.toMatchObject(INVALID);
    expect(validationsOf(keystone)).toHaveLength(2);
  });

  test.each([
    { it: 'empty', token: '' },
    { it: 'only white space', token: '  ' },
    { it: 'two header lines', token: 'abc\r\nX-Role: admin' },
    { it: 'not ASCII', token: 'tökén' },
    { it: 'longer than any header', token: 'x'.repeat(10_000) },
  ])('is refused without asking when it is $it', async ({ token }) => {
    const { keystone, validate } = await start();
    await expect(validate(token)).rejects.toMatchObject(INVALID);
    expect(validationsOf(keystone)).toHaveLength(0);
  });

  test('is refused when expired or revoked', async () => {
    const { keystone, validate } = await start();
    const [expired, revoked] = [
      keystone.issue({ user: 'alice', expiresInSeconds: -5 }),
      keystone.issue({ user: 'alice' }),
    ];
    keystone.revoke(revoked);
    await expect(validate(expired)).rejects.toMatchObject(INVALID);
    await expect(validate(revoked)).rejects.toMatchObject(INVALID);
  });
});

describe('a service token', () => {
  test('with a role of service_token_roles is shown beside the caller', async () => {
    const { keystone, validate } = await start();
    const answer = await validate(keystone.issue({ user: 'alice' }), keystone.issue({ user: 'nova' }));
    expect(answer.caller?.userName).toBe('alice');
    expect(answer.service).toMatchObject({ userName: 'nova', roles: ['service'] });
  });

  test('lets an expired user token pass, which nobody may then reuse', async () => {
    const { keystone, validate } = await start();
    const expired = keystone.issue({ user: 'alice', expiresInSeconds: -60 });
    const service = keystone.issue({ user: 'nova' });
    const answer = await validate(expired, service);

    expect(answer.caller?.userName).toBe('alice');
    expect(answer.reuse?.ttl).toEqual({ seconds: 0, nanos: 0 });
    expect(validationsOf(keystone).map(({ url }) => url)).toEqual([
      '/v3/auth/tokens?nocatalog',
      '/v3/auth/tokens?nocatalog&allow_expired=1',
    ]);
    await expect(validate(expired)).rejects.toMatchObject(INVALID);
  });

  test('does not help a revoked user token', async () => {
    const { keystone, validate } = await start();
    const revoked = keystone.issue({ user: 'alice' });
    keystone.revoke(revoked);
    await expect(validate(revoked, keystone.issue({ user: 'nova' }))).rejects.toMatchObject(INVALID);
  });

  test('limits how long the answer may be reused', async () => {
    const { keystone, validate } = await start();
    const service = keystone.issue({ user: 'nova', expiresInSeconds: 20 });
    const { reuse } = await validate(keystone.issue({ user: 'alice' }), service);
    expect(reuse?.ttl?.seconds).toBeLessThan(20);
  });

  test.each([
    { it: 'unknown to Keystone', issue: () => 'gAAAAAnonsense' },
    { it: 'expired', issue: () => house.keystone.issue({ user: 'nova', expiresInSeconds: -1 }) },
    { it: 'without a role', issue: () => house.keystone.issue({ user: 'alice' }) },
  ])('that is $it fails the request however good the user token is', async ({ issue }) => {
    const { keystone, validate } = await start();
    await expect(validate(keystone.issue({ user: 'alice' }), issue())).rejects.toMatchObject(SERVICE_INVALID);
  });

  test('needs no role where none is required, but then lends nothing to an expired token', async () => {
    const { keystone, validate, log } = await start({
      config: { keystone_authtoken: { service_token_roles_required: false } },
    });
    const service = keystone.issue({ user: 'alice' });
    const answer = await validate(keystone.issue({ user: 'alice' }), service);
    expect(answer.service?.userName).toBe('alice');
    const expired = keystone.issue({ user: 'alice', expiresInSeconds: -60 });
    await expect(validate(expired, service)).rejects.toMatchObject(INVALID);
    expect(log.filter((line) => line.includes('service_token_roles_required is off'))).toHaveLength(1);
  });
});

test('neither token nor password reaches the log', async () => {
  const { keystone, validate, serviceToken, log } = await start();
  const [alice, nova] = [keystone.issue({ user: 'alice' }), keystone.issue({ user: 'nova' })];
  await validate(alice, nova);
  const { token } = await serviceToken(createHash('sha256').update(nova).digest('hex'));
  await keystone.goDown();
  await validate('not-a-fernet-token-but-secret').catch(() => undefined);
  const text = log.join('\n');
  expect(text).toContain('ValidateToken');
  for (const secret of [
    alice,
    nova,
    token,
    'hallmark-secret',
    'nova-secret',
    'not-a-fernet-token-but-secret',
  ]) {
    expect(text).not.toContain(secret);
  }
});
