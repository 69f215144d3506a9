import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { notReady, unavailable } from '@hallmark/errors';
import { startFakeTarget, waitFor, type FakeTarget } from '@hallmark/testing';
import { sha256 } from './fake-identity.ts';
import { instanceNumber, listed, openHouse, type House } from './house.ts';

let target: FakeTarget;
let house: House;

beforeEach(async () => {
  target = await startFakeTarget({ json: 'ok' });
  house = await openHouse(listed({ cmdb: target.url }));
});
afterEach(async () => {
  await house[Symbol.asyncDispose]();
  await target[Symbol.asyncDispose]();
});

const tokensSent = (): (string | undefined)[] =>
  target.requests.map(({ headers }) => headers['x-auth-token']);

test('one token serves all requests, also those that come at once', async () => {
  house.identity.delayMs = 100;
  await Promise.all(
    Array.from({ length: 20 }, (_, number) => house.resolve({ instance: instanceNumber(number) })),
  );
  await house.resolve();
  expect(house.identity.requests).toEqual([{ rejectedTokenSha256: '' }]);
  expect(tokensSent()).toEqual(Array.from({ length: 21 }, () => 'token-1'));
});

test('without a configured login no token is sent', async () => {
  house.identity.hasLogin = false;
  expect(await house.document()).toMatchObject({ cmdb: { source: 'fresh' } });
  expect(target.requests[0]?.headers).not.toHaveProperty('x-auth-token');
  target.answer({ status: 401 });
  expect((await house.probe('cmdb')).failure?.reason).toBe('UNAUTHORIZED');
  expect(target.requests).toHaveLength(2);
});

test('another token is fetched when the one in hand is used up', async () => {
  house.identity.useForMs = 0;
  await house.resolve();
  house.identity.mint();
  await house.resolve();
  expect(tokensSent()).toEqual(['token-1', 'token-2']);
});

describe('a target that refuses the token', () => {
  test('is asked once more, with a new one', async () => {
    target.answerNext({ status: 401 });
    expect(await house.document()).toMatchObject({ cmdb: { json: '"ok"', source: 'fresh' } });
    expect(tokensSent()).toEqual(['token-1', 'token-2']);
    expect(target.requests[1]?.body).toEqual(target.requests[0]?.body);
    expect(house.identity.requests.at(-1)).toEqual({ rejectedTokenSha256: sha256('token-1') });
  });

  test('twice has failed, and costs Keystone no login for each later request', async () => {
    target.answer({ status: 401 });
    expect(await house.document()).toMatchObject({ cmdb: { source: 'omitted', failure: 'UNAUTHORIZED' } });
    expect(tokensSent()).toEqual(['token-1', 'token-2']);
    await house.resolve();
    await house.resolve();
    expect(tokensSent()).toEqual(['token-1', 'token-2', 'token-2', 'token-2']);
    expect(house.identity.requests).toHaveLength(2);
  });

  test('shares the new token with all whom it refused at once', async () => {
    await house.resolve();
    target.answerNext(...Array.from({ length: 5 }, () => ({ status: 401, delayMs: 1_000 })));
    await Promise.all([1, 2, 3, 4, 5].map((number) => house.resolve({ instance: instanceNumber(number) })));
    expect(tokensSent().slice(6)).toEqual(Array.from({ length: 5 }, () => 'token-2'));
    expect(house.identity.token).toBe('token-2');
  });

  test('has failed when no new token can be had', async () => {
    await house.resolve();
    house.identity.failure = unavailable('KEYSTONE_UNAVAILABLE', 'Keystone is down.');
    target.answer({ status: 401 });
    expect((await house.probe('cmdb')).failure?.reason).toBe('UNAUTHORIZED');
    expect(target.requests).toHaveLength(2);
  });
});

describe('no token to be had', () => {
  test('is a failure of its own, and no target is asked without one', async () => {
    house.identity.failure = notReady('SERVICE_LOGIN_REFUSED', 'Keystone refuses the password.');
    expect(await house.document()).toMatchObject({ cmdb: { source: 'omitted', failure: 'NO_TOKEN' } });
    const { failure } = await house.probe('cmdb');
    expect(failure?.message).toBe(
      'The identity service gave no token for the target (SERVICE_LOGIN_REFUSED).',
    );
    expect(target.requests).toEqual([]);
  });

  test('opens no breaker and ends with the outage', async () => {
    house.identity.failure = unavailable('KEYSTONE_UNAVAILABLE', 'Keystone is down.');
    for (let round = 0; round < 10; round++) await house.resolve();
    // All of them within the pause after a failure: identity is not asked ten times.
    expect(house.identity.requests.length).toBeLessThan(5);
    house.identity.failure = undefined;
    await waitFor('a token', async () => (await house.document())['cmdb']?.source === 'fresh');
  });

  test('lets a token serve on while it may still be valid', async () => {
    house.identity.useForMs = 0;
    await house.resolve();
    house.identity.failure = unavailable('KEYSTONE_UNAVAILABLE', 'Keystone is down.');
    expect(await house.document()).toMatchObject({ cmdb: { source: 'fresh' } });
    expect(tokensSent()).toEqual(['token-1', 'token-1']);
  });

  test('in time is no failure of the target', async () => {
    await house.reload(`${listed({ cmdb: target.url })}[vendordata]\nresolve_timeout = 0.5\n`);
    house.identity.delayMs = 3_000;
    expect(await house.document()).toMatchObject({ cmdb: { failure: 'TIMEOUT' } });
    const { lastFailure } = await house.target('cmdb');
    expect(lastFailure?.reason).toBe('NO_TOKEN');
    expect(target.requests).toEqual([]);
  });
});
