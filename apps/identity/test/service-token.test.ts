import { afterEach, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { waitFor } from '@hallmark/testing';
import { loginsOf, startHouse, type House, type HouseOptions } from './house.ts';

let house: House;

afterEach(async () => {
  await house[Symbol.asyncDispose]();
});

async function start(options?: HouseOptions): Promise<House> {
  house = await startHouse(options);
  return house;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const UNAVAILABLE = { code: 'unavailable', reason: 'KEYSTONE_UNAVAILABLE' };

describe('the service token', () => {
  test('is that of [vendordata_dynamic_auth], and to be used until a minute before its end', async () => {
    const { serviceToken, validate } = await start();
    const { token, useUntil } = await serviceToken();
    const { caller } = await validate(token);
    expect(caller).toMatchObject({ userName: 'nova', projectName: 'service', roles: ['service'] });
    expect(useUntil?.getTime()).toBe((caller?.expiresAt?.getTime() ?? 0) - 60_000);
  });

  test('is fetched once, at start, for all who want it', async () => {
    const { keystone, serviceToken } = await start();
    keystone.delay(50);
    const answers = await Promise.all(Array.from({ length: 100 }, () => serviceToken()));
    expect(new Set(answers.map(({ token }) => token)).size).toBe(1);
    expect(loginsOf(keystone, 'nova')).toHaveLength(1);
    expect(loginsOf(keystone, 'nova')[0]?.url).toBe('/v3/auth/tokens?nocatalog');
  });

  test('is renewed in the background before it ends, and the new one is there before readers ask', async () => {
    const { keystone, serviceToken } = await start({ keystone: { tokenLifetimeSeconds: 3 } });
    const first = await serviceToken();
    const renewal = await waitFor('the renewal', () => loginsOf(keystone, 'nova')[1]);
    expect(renewal.receivedAtMs).toBeLessThan(first.useUntil?.getTime() ?? 0);
    const second = await waitFor('the new token', async () => {
      const answer = await serviceToken();
      return answer.token !== first.token && answer;
    });
    expect(second.useUntil?.getTime()).toBeGreaterThan(first.useUntil?.getTime() ?? Infinity);
  });

  test('goes on being handed out while its renewal fails, until its end and no longer', async () => {
    const { keystone, serviceToken, validate } = await start({ keystone: { tokenLifetimeSeconds: 3 } });
    const { token, useUntil } = await serviceToken();
    const endsAt = (await validate(token)).caller?.expiresAt?.getTime() ?? 0;
    await keystone.goDown();
    await waitFor('the time when readers ask again', () => Date.now() > (useUntil?.getTime() ?? Infinity));
    const late = await serviceToken();
    expect(late.token).toBe(token);
    expect(late.useUntil?.getTime()).toBeLessThanOrEqual(endsAt);
    await waitFor('its end', () =>
      serviceToken().then(
        () => false,
        () => true,
      ),
    );
    expect(Date.now()).toBeGreaterThanOrEqual(endsAt);
    await expect(serviceToken()).rejects.toMatchObject(UNAVAILABLE);
    await keystone.comeUp();
    const fresh = await waitFor('a new token', () => serviceToken().catch(() => undefined));
    expect(fresh.token).not.toBe(token);
  });
});

describe('a rejected token', () => {
  test('is replaced by one login for all who report it', async () => {
    const { keystone, serviceToken } = await start();
    const { token } = await serviceToken();
    keystone.delay(50);
    const answers = await Promise.all(Array.from({ length: 50 }, () => serviceToken(sha256(token))));
    const tokens = new Set(answers.map((answer) => answer.token));
    expect(tokens.size).toBe(1);
    expect(tokens.has(token)).toBe(false);
    expect(loginsOf(keystone, 'nova')).toHaveLength(2);
  });

  test('that is no longer in use costs no login', async () => {
    const { keystone, serviceToken } = await start();
    const { token } = await serviceToken();
    expect((await serviceToken(sha256('an older token'))).token).toBe(token);
    expect(loginsOf(keystone, 'nova')).toHaveLength(1);
  });

  test('whose replacement is rejected at once is not replaced again at once', async () => {
    const { keystone, serviceToken } = await start();
    let { token } = await serviceToken();
    for (let count = 0; count < 5; count++) ({ token } = await serviceToken(sha256(token)));
    expect(loginsOf(keystone, 'nova')).toHaveLength(2);
  });

  test('must be named by its digest', async () => {
    const { serviceToken } = await start();
    await expect(serviceToken('gAAAAA')).rejects.toMatchObject({
      code: 'invalid',
      reason: 'REJECTED_TOKEN_MALFORMED',
    });
  });
});

describe('a login that is refused', () => {
  test('says so, without the password, and is not repeated in a hurry', async () => {
    const { keystone, serviceToken, log } = await start({
      config: { vendordata_dynamic_auth: { password: 'not-the-one' } },
    });
    for (let count = 0; count < 20; count++) {
      await expect(serviceToken()).rejects.toMatchObject({
        code: 'not-ready',
        reason: 'SERVICE_LOGIN_REFUSED',
        message:
          'Keystone refused the login of [vendordata_dynamic_auth] with 401: The request you have made requires authentication.',
      });
    }
    expect(loginsOf(keystone, 'nova')).toHaveLength(1);
    expect(log.join('')).not.toContain('not-the-one');
  });

  test('does not touch the validator', async () => {
    const { keystone, validate } = await start({
      config: { vendordata_dynamic_auth: { password: 'wrong' } },
    });
    expect((await validate(keystone.issue({ user: 'alice' }))).caller?.userName).toBe('alice');
  });

  test('is asked for again after a while, and works when the account was mended', async () => {
    const { keystone, serviceToken, metric } = await start({
      config: { vendordata_dynamic_auth: { password: 'new' } },
    });
    await expect(serviceToken()).rejects.toMatchObject({ reason: 'SERVICE_LOGIN_REFUSED' });
    keystone.setPassword('nova', 'new');
    const { token } = await waitFor('the login', () => serviceToken().catch(() => undefined));
    expect(token).toMatch(/^gAAAAA/);
    expect(await metric('hallmark_identity_logins_total', { account: 'service', outcome: 'ok' })).toBe(1);
  });
});

test('a token that has expired on arrival is no token: the clocks differ, which is said and not retried in a hurry', async () => {
  const { keystone, serviceToken, log } = await start({ keystone: { tokenLifetimeSeconds: -5 } });
  for (let count = 0; count < 20; count++) await expect(serviceToken()).rejects.toMatchObject(UNAVAILABLE);
  expect(loginsOf(keystone, 'nova').length).toBeLessThanOrEqual(3);
  expect(log.filter((line) => line.includes('cannot log in to Keystone')).join('')).toContain(
    'its clock and the one here differ',
  );
});

test.each([
  { it: 'a proxy in front of a Keystone that is gone', status: 404, body: '<html>no backend</html>' },
  { it: 'a proxy that redirects', status: 301, body: '' },
  { it: 'nonsense', status: 201, body: 'garbage' },
])('$it is an outage, not a refusal', async ({ status, body }) => {
  const { keystone, serviceToken } = await start({ config: { vendordata_dynamic_auth: { timeout: 1 } } });
  const { token } = await serviceToken();
  keystone.respondWith(status, body);
  await expect(serviceToken(sha256(token))).rejects.toMatchObject(UNAVAILABLE);
});

describe('without auth_type', () => {
  test('there is no token, and one warning at start', async () => {
    const { keystone, serviceToken, log } = await start({
      config: { vendordata_dynamic_auth: { auth_type: '' } },
    });
    expect(await serviceToken()).toEqual({ token: '', useUntil: undefined });
    await serviceToken();
    expect(log.filter((line) => line.includes('vendordata targets get no token'))).toHaveLength(1);
    expect(loginsOf(keystone, 'nova')).toHaveLength(0);
  });
});
