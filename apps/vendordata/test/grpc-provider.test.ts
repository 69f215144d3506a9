import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { freePort, startFakeProvider, waitFor, type FakeProvider } from '@hallmark/testing';
import { sha256 } from './fake-identity.ts';
import { INSTANCE, instanceNumber, listed, NOVA_BODY, openHouse, PROJECT, type House } from './house.ts';

let provider: FakeProvider;
let house: House;

beforeEach(async () => {
  provider = await startFakeProvider({ json: '{"rack": 12.0}' });
});
afterEach(async () => {
  await house[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

const open = async (options = ''): Promise<void> => {
  house = await openHouse(`${listed({ cmdb: provider.url })}[vendordata_target:cmdb]\n${options}\n`);
};

const failureOf = async (): Promise<string | undefined> => (await house.probe('cmdb')).failure?.reason;

test('a provider is told all that Nova says, with the service token', async () => {
  await open();
  expect(await house.document()).toEqual({ cmdb: { json: '{"rack": 12.0}', source: 'fresh', failure: '' } });
  expect(provider.calls[0]?.request).toEqual({
    projectId: PROJECT,
    instanceId: INSTANCE,
    imageId: '6b0a1d1c-4a5e-4c37-9d0e-0a5a7f3b0001',
    userData: 'I2Nsb3VkLWNvbmZpZwpob3N0bmFtZTogZnJvbS11c2VyLWRhdGEK',
    hostname: 'web',
    metadata: [
      { key: 'role', value: 'web' },
      { key: 'tier', value: 'gold' },
    ],
    bootRoles: ['reader', 'member'],
  });
  expect(provider.calls[0]?.metadata['x-auth-token']).toBe('token-1');
});

test('odd metadata arrives as data, and no user data as none', async () => {
  await open();
  const instance = NOVA_BODY.replace(/"user-data": "[^"]*"/, '"user-data": null').replace(
    '{"role": "web", "tier": "gold"}',
    '{"__proto__": "x", "": "y"}',
  );
  await house.resolve({ instance });
  expect(provider.calls[0]?.request).toMatchObject({
    userData: undefined,
    metadata: [
      { key: '__proto__', value: 'x' },
      { key: '', value: 'y' },
    ],
  });
});

test('its cache control is obeyed as that of HTTP', async () => {
  await open();
  provider.answer({ json: '1', cacheControl: 'max-age=60' });
  const first = await house.resolve();
  expect(first.reuse?.ttl?.seconds).toBeGreaterThanOrEqual(59);
  expect(await house.document()).toMatchObject({ cmdb: { json: '1', source: 'cached' } });
  expect(provider.calls).toHaveLength(1);
});

test('an empty answer is {}', async () => {
  await open();
  provider.answer({ json: '' });
  expect(await house.document()).toMatchObject({ cmdb: { json: '{}', source: 'fresh' } });
});

test('UNAUTHENTICATED is asked once more with a new token', async () => {
  await open();
  provider.answerNext({ code: status.UNAUTHENTICATED });
  expect(await house.document()).toMatchObject({ cmdb: { source: 'fresh' } });
  expect(provider.calls.map(({ metadata }) => metadata['x-auth-token'])).toEqual(['token-1', 'token-2']);
  expect(house.identity.requests.at(-1)).toEqual({ rejectedTokenSha256: sha256('token-1') });
});

describe('a failure', () => {
  test.each([
    ['NOT_FOUND', status.NOT_FOUND],
    ['UNAVAILABLE, in the words of the provider', status.UNAVAILABLE],
    ['INTERNAL', status.INTERNAL],
    ['UNIMPLEMENTED', status.UNIMPLEMENTED],
  ])('of status %s is one of status', async (_what, code) => {
    await open();
    provider.answer({ code });
    const { failure, status: httpStatus } = await house.probe('cmdb');
    expect(failure).toEqual({ reason: 'STATUS', message: `The target answered with ${status[code]}.` });
    expect(httpStatus).toBe(0);
  });

  test('of JSON is found out', async () => {
    await open('max_response_bytes = 10000');
    provider.answer({ json: 'oops' });
    expect(await failureOf()).toBe('NOT_JSON');
    provider.answer({ json: Buffer.from([0x22, 0xff, 0x22]) });
    expect(await failureOf()).toBe('NOT_JSON');
    provider.answer({ json: JSON.stringify('x'.repeat(10_000)) });
    expect(await failureOf()).toBe('TOO_LARGE');
    provider.answer({ json: JSON.stringify('x'.repeat(100_000)) });
    expect(await failureOf()).toBe('TOO_LARGE');
  });

  test('to answer in time is one of time, and costs the connection', async () => {
    await open('connect_timeout = 5\nread_timeout = 1');
    await house.probe('cmdb');
    provider.answer({ hang: true });
    expect(await failureOf()).toBe('TIMEOUT');
    provider.answer({ json: '1' });
    expect((await house.probe('cmdb')).json.toString()).toBe('1');
    const [first, hung, next] = provider.calls.map(({ peer }) => peer);
    expect(hung).toBe(first);
    expect(next).not.toBe(hung);
  });

  test('to answer one call in time takes nothing from the others under way', async () => {
    await open('connect_timeout = 5\nread_timeout = 10');
    await house.resolve({ instance: instanceNumber(1) });
    provider.answerNext({ json: '"slow"', delayMs: 3_000 }, { hang: true });
    const slow = house.document({ instance: instanceNumber(2) });
    await waitFor('the slow call', () => provider.calls.length === 2);
    expect((await house.probe('cmdb', { timeoutMs: 1_000 })).failure?.reason).toBe('TIMEOUT');
    expect(await slow).toMatchObject({ cmdb: { json: '"slow"' } });
    await waitFor('the other call to be given up', () => provider.abandoned === 1);
  });

  test('to be there is one of connection, until it is there', async () => {
    await provider[Symbol.asyncDispose]();
    await open();
    expect(await failureOf()).toBe('CONNECT_FAILED');
    provider = await startFakeProvider({ json: '1' }, { port: provider.port });
    await waitFor('the provider', async () => (await house.probe('cmdb')).json.toString() === '1');
  });

  test('to speak gRPC at all is one of connection', async () => {
    const port = await freePort();
    house = await openHouse(
      `${listed({ cmdb: `grpc://127.0.0.1:${port}` })}[vendordata_target:cmdb]\nconnect_timeout = 0.3\n`,
    );
    expect(await failureOf()).toBe('CONNECT_FAILED');
  });

  test('with retry-after keeps the next calls away', async () => {
    await open();
    provider.answerNext({ code: status.FAILED_PRECONDITION, retryAfter: '30' });
    expect(await house.document()).toMatchObject({ cmdb: { failure: 'STATUS' } });
    expect(await house.document({ instance: instanceNumber(2) })).toMatchObject({
      cmdb: { failure: 'RETRY_AFTER' },
    });
    expect(provider.calls).toHaveLength(1);
  });

  test('that repeats opens the breaker; one about an instance does not', async () => {
    await open('breaker_failures = 2');
    provider.answer({ code: status.NOT_FOUND });
    for (let number = 0; number < 3; number++) await house.resolve({ instance: instanceNumber(number) });
    provider.answer({ code: status.RESOURCE_EXHAUSTED });
    for (let number = 3; number < 5; number++) await house.resolve({ instance: instanceNumber(number) });
    expect(await house.document({ instance: instanceNumber(5) })).toMatchObject({
      cmdb: { failure: 'BREAKER_OPEN' },
    });
    expect(provider.calls).toHaveLength(5);
  });
});
