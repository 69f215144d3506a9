import { afterEach, describe, expect, test } from '@jest/globals';
import { newRequestId } from '@hallmark/runtime';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { startFakeKeystone, waitFor } from '@hallmark/testing';
import { loginsOf, startHouse, startHouseAt, validationsOf, type House, type HouseOptions } from './house.ts';

let house: House;

afterEach(async () => {
  await house[Symbol.asyncDispose]();
});

async function start(options?: HouseOptions): Promise<House> {
  house = await startHouse(options);
  return house;
}

/** With a validator that has logged in, so that a test sees validations alone. */
async function startLoggedIn(options?: HouseOptions): Promise<House> {
  await start(options);
  await waitFor('the first login', () => house.running.ready());
  return house;
}

const UNAVAILABLE = { code: 'unavailable', reason: 'KEYSTONE_UNAVAILABLE' };

describe('while Keystone is down', () => {
  test('known tokens are valid until they expire, others UNAVAILABLE with a time to try again', async () => {
    const { keystone, validate } = await startLoggedIn();
    const known = keystone.issue({ user: 'alice', expiresInSeconds: 2 });
    const unknown = keystone.issue({ user: 'alice' });
    await validate(known);
    await keystone.goDown();

    expect((await validate(known)).caller?.userName).toBe('alice');
    await expect(validate(unknown)).rejects.toMatchObject({ ...UNAVAILABLE, retryAfterSeconds: 2 });
    await waitFor('the end of the known token', () =>
      validate(known).then(
        () => false,
        (error: unknown) => error,
      ),
    );
    await expect(validate(known)).rejects.toMatchObject(UNAVAILABLE);
    expect(await house.running.ready()).toBe(true);
  });

  test('nothing is decided about tokens, and everything goes on when it is back', async () => {
    const { keystone, validate, metric, log } = await startLoggedIn();
    const token = keystone.issue({ user: 'alice' });
    await keystone.goDown();
    for (let count = 0; count < 6; count++) {
      await expect(validate(token)).rejects.toMatchObject(UNAVAILABLE);
    }
    expect(await metric('hallmark_identity_validations_total', { result: 'unavailable' })).toBe(6);
    expect(await metric('hallmark_identity_validations_total', { result: 'invalid' })).toBe(0);
    await keystone.comeUp();
    const answer = await waitFor('Keystone to be found again', () => validate(token).catch(() => undefined));
    expect(answer.caller?.userName).toBe('alice');
    expect(log.filter((line) => line.includes('Keystone does not answer'))).toHaveLength(1);
    expect(log.filter((line) => line.includes('Keystone answers again'))).toHaveLength(1);
  });

  test('after some failures in a row callers fail at once, without a request', async () => {
    const { keystone, validate } = await startLoggedIn({
      config: { keystone_authtoken: { timeout: 0.3 } },
    });
    keystone.delay(60_000);
    const token = keystone.issue({ user: 'alice' });
    for (let count = 0; count < 5; count++) await validate(token).catch(() => undefined);
    const asked = validationsOf(keystone).length;
    await expect(validate(token)).rejects.toMatchObject(UNAVAILABLE);
    expect(validationsOf(keystone)).toHaveLength(asked);
  });

  test('the service starts, is not ready, and recovers by itself', async () => {
    const keystone = await startFakeKeystone();
    await keystone.goDown();
    house = await startHouseAt(keystone);
    const { running, validate, serviceToken, log } = house;

    expect(await running.ready()).toBe(false);
    await expect(validate('gAAAAAx')).rejects.toMatchObject(UNAVAILABLE);
    await expect(serviceToken()).rejects.toMatchObject(UNAVAILABLE);
    await keystone.comeUp();
    await waitFor('readiness', () => running.ready());
    expect((await validate(keystone.issue({ user: 'alice' }))).caller?.userName).toBe('alice');
    await waitFor('the service token', () => serviceToken().catch(() => undefined));
    expect(log.filter((line) => line.includes('cannot log in to Keystone'))).toHaveLength(2);
  });
});

describe('a Keystone that misbehaves', () => {
  test('and hangs costs no more than keystone_timeout', async () => {
    const { keystone, validate } = await startLoggedIn({ config: { identity: { keystone_timeout: 0.5 } } });
    keystone.delay(60_000);
    const startedAt = performance.now();
    await expect(validate(keystone.issue({ user: 'alice' }))).rejects.toMatchObject(UNAVAILABLE);
    expect(performance.now() - startedAt).toBeGreaterThan(450);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  test('and hangs is to blame also when the caller has less time than that', async () => {
    const { keystone, client } = await startLoggedIn();
    keystone.delay(60_000);
    const token = keystone.issue({ user: 'alice' });
    await expect(
      client.validateToken({ token, serviceToken: '' }, { requestId: newRequestId(), timeoutMs: 400 }),
    ).rejects.toMatchObject(UNAVAILABLE);
  });

  test('a caller that gives up does not spoil the answer for others', async () => {
    const { keystone, client, validate } = await startLoggedIn();
    keystone.delay(300);
    const token = keystone.issue({ user: 'alice' });
    const impatient = new AbortController();
    const first = client.validateToken(
      { token, serviceToken: '' },
      { requestId: newRequestId(), timeoutMs: 5_000, signal: impatient.signal },
    );
    await waitFor('the request', () => validationsOf(keystone).length === 1);
    const second = validate(token);
    impatient.abort();
    await expect(first).rejects.toMatchObject({ reason: 'RPC_CANCELLED' });
    expect((await second).caller?.userName).toBe('alice');
    expect(validationsOf(keystone)).toHaveLength(1);
  });

  test.each([
    { it: '503', status: 503, body: undefined },
    { it: '500', status: 500, body: undefined },
    { it: '429', status: 429, body: undefined },
    { it: '200 with garbage', status: 200, body: 'garbage' },
    { it: '200 with JSON that is no token', status: 200, body: '{"token": {}}' },
    { it: '404 from something that is not Keystone', status: 404, body: '<html>no backend</html>' },
    { it: 'a redirect', status: 302, body: '' },
  ])('and answers $it is an outage, not a verdict', async ({ status, body }) => {
    const { keystone, validate } = await startLoggedIn();
    const token = keystone.issue({ user: 'alice' });
    keystone.respondWith(status, body);
    await expect(validate(token)).rejects.toMatchObject(UNAVAILABLE);
    keystone.respondWith();
    expect((await validate(token)).caller?.userName).toBe('alice');
  });

  test('and drops connections is asked again, as often as http_request_max_retries says', async () => {
    let dropped = 0;
    const dropping = createServer((request) => {
      dropped++;
      request.socket.destroy();
    });
    dropping.listen(0, '127.0.0.1');
    await once(dropping, 'listening');
    const { port } = dropping.address() as AddressInfo;
    try {
      const { validate } = await start({
        config: {
          keystone_authtoken: { auth_url: `http://127.0.0.1:${port}/v3`, http_request_max_retries: 2 },
        },
      });
      await expect(validate('gAAAAAx')).rejects.toMatchObject(UNAVAILABLE);
      expect(dropped).toBe(3);
    } finally {
      dropping.close();
    }
  });
});

describe('the validator’s own token', () => {
  /** The token with which the validator asked last. */
  const ownToken = (): string => String(validationsOf(house.keystone).at(-1)?.headers['x-auth-token']);

  test('is renewed when Keystone refuses it, and the question repeated', async () => {
    const { keystone, validate } = await startLoggedIn();
    await validate(keystone.issue({ user: 'alice' }));
    keystone.revoke(ownToken());
    keystone.forgetRequests();

    expect((await validate(keystone.issue({ user: 'alice' }))).caller?.userName).toBe('alice');
    expect(validationsOf(keystone)).toHaveLength(2);
    expect(loginsOf(keystone, 'hallmark')).toHaveLength(1);
  });

  test('is not renewed again and again when Keystone refuses every one', async () => {
    const { keystone, validate } = await startLoggedIn();
    for (let count = 0; count < 3; count++) {
      await validate(keystone.issue({ user: 'alice' })).catch(() => undefined);
      keystone.revoke(ownToken());
    }
    expect(loginsOf(keystone, 'hallmark')).toHaveLength(2);
  });

  test('keeps allow_expired when it is renewed', async () => {
    const { keystone, validate } = await startLoggedIn();
    const service = keystone.issue({ user: 'nova' });
    await validate(keystone.issue({ user: 'alice' }), service);
    keystone.revoke(ownToken());
    keystone.forgetRequests();

    const answer = await validate(keystone.issue({ user: 'alice', expiresInSeconds: -60 }), service);

    expect(answer.caller?.userName).toBe('alice');
    expect(validationsOf(keystone).map(({ url }) => url)).toEqual([
      '/v3/auth/tokens?nocatalog&allow_expired=1',
      '/v3/auth/tokens?nocatalog&allow_expired=1',
    ]);
    expect(loginsOf(keystone, 'hallmark')).toHaveLength(1);
  });

  test('when refused for 50 callers at once is renewed once', async () => {
    const { keystone, validate } = await startLoggedIn();
    await validate(keystone.issue({ user: 'alice' }));
    keystone.revoke(ownToken());
    keystone.forgetRequests();
    keystone.delay(20);
    const tokens = Array.from({ length: 50 }, () => keystone.issue({ user: 'alice' }));
    const answers = await Promise.all(tokens.map((token) => validate(token)));
    expect(answers).toHaveLength(50);
    expect(loginsOf(keystone, 'hallmark')).toHaveLength(1);
  });

  test('refused for good is an outage, and the operator is told', async () => {
    const { keystone, validate, log } = await startLoggedIn();
    keystone.respondWith(401);
    await expect(validate(keystone.issue({ user: 'alice' }))).rejects.toMatchObject(UNAVAILABLE);
    expect(
      log.some(
        (line) => line.includes('Keystone refuses the login') && line.includes('"account":"validator"'),
      ),
    ).toBe(true);
  });

  test('without the right role is an outage, and the operator is told which role is missing', async () => {
    const { keystone, validate, log } = await startLoggedIn({
      config: {
        keystone_authtoken: { username: 'alice', password: 'alice-secret', project_name: 'demo' },
      },
    });
    const nova = keystone.issue({ user: 'nova' });
    await expect(validate(nova)).rejects.toMatchObject(UNAVAILABLE);
    await expect(validate(nova)).rejects.toMatchObject(UNAVAILABLE);
    expect(
      log.filter((line) => line.includes('it needs the role \\"service\\" or \\"admin\\"')),
    ).toHaveLength(1);
  });
});

test('a wrong password of the validator is an outage for callers, told once, and does not hammer Keystone', async () => {
  const { keystone, validate, running, log, metric } = await start({
    config: { keystone_authtoken: { password: 'wrong' } },
  });
  const token = keystone.issue({ user: 'alice' });
  for (let count = 0; count < 20; count++) await expect(validate(token)).rejects.toMatchObject(UNAVAILABLE);
  expect(loginsOf(keystone, 'hallmark')).toHaveLength(1);
  expect(await running.ready()).toBe(false);
  expect(log.filter((line) => line.includes('Keystone refuses the login'))).toHaveLength(1);
  expect(log.join('\n')).toContain(
    'Keystone refused the login of [keystone_authtoken] with 401: The request you have made requires authentication.',
  );
  expect(await metric('hallmark_identity_logins_total', { account: 'validator', outcome: 'refused' })).toBe(
    1,
  );

  // The operator mends the account; nobody has to restart anything.
  keystone.setPassword('hallmark', 'wrong');
  await waitFor('the login to work', () => running.ready());
  expect((await waitFor('a validation', () => validate(token).catch(() => undefined))).caller?.userName).toBe(
    'alice',
  );
});
