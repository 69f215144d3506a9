import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { testContext, parseConfig } from '@hallmark/runtime';
import { freePort, waitFor } from '@hallmark/testing';
import { startGateway } from '../src/index.ts';
import { FakeIdentity } from './fake-identity.ts';
import { FakeVendordata } from './fake-vendordata.ts';
import { House, type Reply } from './house.ts';

jest.setTimeout(30_000);

const isHit = ({ headers }: Reply): boolean => String(headers['server-timing']).includes('desc="hit"');

let house: House;
let clock: { nowMs: number };
beforeEach(async () => {
  clock = { nowMs: 1_000_000 };
  house = await House.open({ clock });
});
afterEach(async () => house[Symbol.asyncDispose]());

const up = (service: string) => house.metric(`hallmark_gateway_watch_up{service="${service}"}`);
const losses = (service: string) => house.metric(`hallmark_gateway_watch_losses_total{service="${service}"}`);

describe.each(['vendordata', 'identity'] as const)('the watch of %s, lost', (service) => {
  const asked = (): number => house[service].asked.length;

  test('because its stream ended, drops everything at once', async () => {
    await house.post();
    await house.post();
    expect(asked()).toBe(1);
    house[service].watch.refusing = true;
    house[service].watch.breakAll();
    await waitFor('the loss', async () => (await up(service)) === 0);
    await house.post();
    expect(asked()).toBe(2);
    expect(await losses(service)).toBeGreaterThan(0);
  });

  test('keeps answers for a second only, until it is back', async () => {
    house[service].watch.refusing = true;
    house[service].watch.breakAll();
    await waitFor('the loss', async () => (await up(service)) === 0);
    await house.post();
    clock.nowMs += 999;
    await house.post();
    expect(asked()).toBe(1);
    clock.nowMs += 1;
    await house.post();
    expect(asked()).toBe(2);

    house[service].watch.refusing = false;
    await waitFor('the watch', async () => (await up(service)) === 1);
    clock.nowMs += 1_000;
    await house.post();
    clock.nowMs += 30_000;
    await house.post();
    expect(asked()).toBe(3);
  });

  test('because it fell silent for three seconds, drops everything', async () => {
    await house.post();
    house[service].watch.beating = false;
    const silentSince = performance.now();
    await waitFor('the loss', async () => (await losses(service)) > 0);
    expect(performance.now() - silentSince).toBeGreaterThan(2_500);
    await house.post();
    expect(asked()).toBe(2);
    // A new stream says hello, so the service counts as heard until it falls silent again.
    await waitFor('the watch', () => house[service].watch.opened > 1);
  });

  test('leaves what is kept of the other service', async () => {
    await house.post();
    house[service].watch.breakAll();
    await waitFor('the loss', async () => (await losses(service)) > 0);
    await house.post();
    const other = service === 'identity' ? 'vendordata' : 'identity';
    expect(house[other].asked).toHaveLength(1);
  });

  test('and back with another epoch, trusts nothing from before', async () => {
    await house.post();
    house[service].watch.epoch = 'e2';
    house[service].watch.breakAll();
    await waitFor('the loss', async () => (await losses(service)) > 0);
    await waitFor('the watch', async () => (await up(service)) === 1);
    await house.post();
    expect(asked()).toBe(2);
  });

  test('does not make the gateway unready', async () => {
    house[service].watch.refusing = true;
    house[service].watch.breakAll();
    await waitFor('the loss', async () => (await up(service)) === 0);
    expect(await house.gateway.ready()).toBe(true);
  });
});

test('a heartbeat with a version that no event announced drops everything', async () => {
  await house.post();
  house.vendordata.watch.version += 1;
  await waitFor(
    'the heartbeat',
    async () => (await house.metric('hallmark_gateway_cache_entries{cache="answers"}')) === 0,
  );
  expect(isHit(await house.post())).toBe(false);
});

test('the gateway is ready when both services have greeted it', async () => {
  const [identityPort, vendordataPort] = [await freePort(), await freePort()];
  await using gateway = await startGateway(
    parseConfig(`
[rpc]
identity_endpoints = 127.0.0.1:${identityPort}
vendordata_endpoints = 127.0.0.1:${vendordataPort}
[gateway_nova]
listen = 127.0.0.1:0
`),
    testContext('gateway'),
  );
  expect(await gateway.ready()).toBe(false);
  await using identity = await FakeIdentity.start(`127.0.0.1:${identityPort}`);
  await waitFor('the watch of identity', () => identity.watch.watchers === 1);
  expect(await gateway.ready()).toBe(false);
  await using vendordata = await FakeVendordata.start(`127.0.0.1:${vendordataPort}`);
  await waitFor('readiness', async () => gateway.ready());
  expect(vendordata.watch.watchers).toBe(1);
});
