import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { waitFor } from '@hallmark/testing';
import { aRecord, filesOf } from './fake-guests.ts';
import { balanced, bytesOf, GuestHouse, PROJECT, PROVIDER, proxied } from './guest-house.ts';
import { RawConnection } from './raw.ts';

jest.setTimeout(120_000);

/** How many are looked up at a time, and more than that. */
const AT_A_TIME = 100;
const CROWD = 110;
/** They come from one process on what may be a busy machine. */
const COMING_MS = 40_000;

let house: GuestHouse;
let ids: string[];
let open: () => void;

beforeEach(async () => {
  house = await GuestHouse.open();
  ids = Array.from({ length: CROWD }, () => randomUUID());
  for (const id of ids) house.guests.records.set(id, aRecord(id, PROJECT, filesOf(id)));
});
afterEach(async () => {
  open();
  await house[Symbol.asyncDispose]();
});

async function closed(): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  open = () => resolve(undefined);
  return promise;
}

const untilInFlight = async (count: number): Promise<boolean> =>
  waitFor(
    `${count} requests to be in flight`,
    async () => (await house.house.metric('hallmark_gateway_requests_in_flight')) === count,
    COMING_MS,
  );

test('guests that all boot at once are looked up some at a time, and all are answered', async () => {
  house.guests.gate = closed();
  const replies = ids.map(async (id) => house.get('/openstack/latest/meta_data.json', proxied(id)));
  await untilInFlight(CROWD);
  await waitFor('them to be asked for', () => house.guests.countOf('getMetadata') >= AT_A_TIME, COMING_MS);
  expect(house.guests.countOf('getMetadata')).toBe(AT_A_TIME);

  open();
  const bodies = (await Promise.all(replies)).map(({ status, body }) => [status, body]);
  expect(bodies).toEqual(ids.map((id) => [200, `{"name": "${id}"}`]));
  expect(house.guests.countOf('getMetadata')).toBe(CROWD);
});

test('guests behind a load balancer are located some at a time, and all are answered', async () => {
  const addressOf = (index: number): string => `10.9.0.${index}`;
  for (const [index, instanceId] of ids.entries())
    house.guests.places.set(`${addressOf(index)} ${PROVIDER}`, { instanceId, projectId: PROJECT });
  house.guests.gate = closed();
  const replies = ids.map(async (_, index) =>
    house.get('/openstack/latest/meta_data.json', balanced(addressOf(index))),
  );
  await untilInFlight(CROWD);
  await waitFor('them to be located', () => house.guests.countOf('findByAddress') >= AT_A_TIME, COMING_MS);
  expect(house.guests.countOf('findByAddress')).toBe(AT_A_TIME);

  open();
  const bodies = (await Promise.all(replies)).map(({ status, body }) => [status, body]);
  expect(bodies).toEqual(ids.map((id) => [200, `{"name": "${id}"}`]));
  expect(house.guests.countOf('findByAddress')).toBe(CROWD);
});

test('a guest that hangs up before its turn is not looked up', async () => {
  house.guests.gate = closed();
  const [impatient = '', ...others] = ids.slice(0, AT_A_TIME + 1).reverse();
  const replies = others.map(async (id) => house.get('/openstack', proxied(id)));
  await waitFor(
    'the others to be asked for',
    () => house.guests.countOf('getMetadata') === AT_A_TIME,
    COMING_MS,
  );
  using connection = await RawConnection.open(house.address);
  connection.send(bytesOf({ path: '/openstack', lines: proxied(impatient) }));
  await untilInFlight(AT_A_TIME + 1);
  connection[Symbol.dispose]();
  await untilInFlight(AT_A_TIME);

  open();
  for (const { status } of await Promise.all(replies)) expect(status).toBe(200);
  expect(house.guests.asked.map(({ id }) => id)).not.toContain(impatient);
});

test('vendordata is asked some at a time, and once for guests that ask the same', async () => {
  const { vendordata } = house.house;
  const path = '/openstack/latest/vendor_data2.json';
  const same = ids.slice(-20);
  vendordata.gate = closed();
  const replies = [...ids, ...same].map(async (id) => house.get(path, proxied(id)));
  await untilInFlight(CROWD + same.length);
  await waitFor('vendordata to be asked', () => vendordata.asked.length >= AT_A_TIME, COMING_MS);
  expect(vendordata.asked).toHaveLength(AT_A_TIME);

  open();
  for (const { status } of await Promise.all(replies)) expect(status).toBe(200);
  expect(vendordata.asked).toHaveLength(CROWD);
});
