import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import {
  startFakeKeystone,
  startFakeTarget,
  usePostgres,
  waitFor,
  type FakeKeystone,
  type FakeTarget,
} from '@hallmark/testing';
import { House, keystoneConfig } from './house.ts';
import { NEUTRON_CONFIG } from './neutron.ts';
import { guestReads, Orchestrator } from './orchestrator.ts';

jest.setTimeout(300_000);

const VENDOR_DATA2 = '/openstack/latest/vendor_data2.json';
/** What of a guest's tree is its record's alone. */
const OF_THE_RECORD = [
  '/openstack',
  '/openstack/latest/',
  '/openstack/latest/meta_data.json',
  '/openstack/latest/network_data.json',
  '/openstack/latest/user_data',
  '/latest/meta-data/instance-id',
  '/latest/meta-data/hostname',
];
const BUILDS = 12;

const postgres = usePostgres();
let keystone: FakeKeystone;
let target: FakeTarget;
let house: House;
let alice: Orchestrator;

beforeAll(async () => {
  keystone = await startFakeKeystone();
  target = await startFakeTarget();
  house = await House.start({
    config: `${keystoneConfig(keystone.url, 'hallmark-secret')}${NEUTRON_CONFIG}
[postgres]
url = ${await postgres.current.createDatabase()}
[api]
vendordata_providers = StaticJSON, DynamicJSON
vendordata_dynamic_read_timeout = 30
[identity]
keystone_timeout = 15
[vendordata_target:join]
url = ${target.url}
failure = fatal
`,
    replicas: { instances: 2 },
  });
});
afterAll(async () => {
  await house[Symbol.asyncDispose]();
  for (const server of [target, keystone]) await server[Symbol.asyncDispose]();
});
beforeEach(() => {
  target.answer({ json: { otp: 'once' } });
  alice = new Orchestrator(house, keystone.issue({ user: 'alice' }));
});

async function killVendordata(): Promise<void> {
  const { program } = house.one('vendordata');
  program.kill();
  await program.ended;
}

const bootMany = async (): Promise<string[]> => {
  const boots = Array.from({ length: BUILDS }, async () => alice.boot({ config_drive: true }));
  return (await Promise.all(boots)).map(({ id }) => id);
};

async function expectAllBuilt(ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const instance = await alice.untilBuilt(id);
    expect(instance).toMatchObject({ status: 'ACTIVE', fault: null });
    expect(await alice.driveDigest(id)).toBe(instance.drive?.sha256);
  }
  expect(alice.unexpected).toEqual([]);
}

test('vendordata down: builds wait for it, and guests miss vendor_data2.json and nothing else', async () => {
  const warm = await alice.boot({ user_data: Buffer.from('#!/bin/sh').toString('base64') });
  const read = OF_THE_RECORD.map(async (path) => guestReads(house, warm, path));
  const before = await Promise.all(read);
  expect(before.map(({ status }) => status)).toEqual(OF_THE_RECORD.map(() => 200));
  const asked = target.requests.length;

  await killVendordata();
  const ids = await bootMany();
  const cold = await alice.boot({ user_data: Buffer.from('#!/bin/sh').toString('base64') });

  for (const instance of [warm, cold]) {
    const refused = await guestReads(house, instance, VENDOR_DATA2);
    expect(refused.status).toBe(503);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    for (const [index, path] of OF_THE_RECORD.entries()) {
      const answer = await guestReads(house, instance, path);
      expect({ path, status: answer.status }).toEqual({ path, status: 200 });
      if (instance === warm) expect(answer.text).toBe(before[index]?.text);
    }
  }
  // Tried, and not given up.
  const waiting = 'build waits for what it needs';
  await waitFor('a build to be tried', async () => (await house.logs('instances')).includes(waiting), 60_000);
  for (const id of ids) expect((await alice.show(id)).status).toBe('BUILD');

  await house.restart(house.one('vendordata'));

  await expectAllBuilt(ids);
  expect(target.requests.length).toBe(asked + BUILDS);
  const document = await waitFor(
    'vendordata to be in use again',
    async () => {
      const answer = await guestReads(house, warm, VENDOR_DATA2);
      return answer.status === 200 && answer;
    },
    60_000,
  );
  expect(JSON.parse(document.text)).toEqual({ static: {}, join: { otp: 'once' } });
});

test('vendordata killed while it asks a target: each build is tried again and ends ACTIVE', async () => {
  target.answer({ json: { otp: 'once' }, delayMs: 2_000 });
  const asked = target.requests.length;
  const ids = await bootMany();
  await waitFor('targets to be asked', () => target.inFlight > 1, 60_000);

  await killVendordata();
  target.answer({ json: { otp: 'twice' } });
  await house.restart(house.one('vendordata'));

  await expectAllBuilt(ids);
  // Those under way when it was killed were asked for once more, the others once.
  const asks = target.requests.length - asked;
  expect(asks).toBeGreaterThan(BUILDS);
  expect(asks).toBeLessThanOrEqual(2 * BUILDS);
});
