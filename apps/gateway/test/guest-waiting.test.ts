import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { unavailable } from '@hallmark/errors';
import { waitFor } from '@hallmark/testing';
import { filesOf } from './fake-guests.ts';
import { bytesOf, DB, GuestHouse, proxied, WEB, type GuestRequest } from './guest-house.ts';
import { RawConnection, type RawReply } from './raw.ts';

jest.setTimeout(30_000);

const META_DATA = '/openstack/latest/meta_data.json';
const VENDOR_DATA2 = '/openstack/latest/vendor_data2.json';
const waiting = (path: string, more = ''): string => `${path}?wait_for_change=true${more}`;

let house: GuestHouse;
let clock: { nowMs: number };
beforeEach(async () => {
  clock = { nowMs: 1_000_000 };
  house = await GuestHouse.open({ clock, ini: '[gateway_guest]\nwait_timeout = 20\nmax_waiters = 50' });
});
afterEach(async () => house[Symbol.asyncDispose]());

const waiters = async () => house.house.metric('hallmark_gateway_waiters');
const seated = async (count: number) => waitFor(`${count} waiters`, async () => (await waiters()) === count);

/** Asks, and waits until the gateway waits too. */
async function wait(request: GuestRequest): Promise<{ connection: RawConnection; reply: Promise<RawReply> }> {
  const before = await waiters();
  const connection = await RawConnection.open(house.address);
  connection.send(bytesOf(request));
  await seated(before + 1);
  const reply = connection.reply();
  reply.catch(() => undefined);
  return { connection, reply };
}

describe('a guest that waits for a change', () => {
  test('is answered when its instance changes', async () => {
    const { connection, reply } = await wait({ path: waiting(META_DATA) });
    await house.change(WEB, 'renamed');
    expect(await reply).toMatchObject({ status: 200, body: '{"name": "renamed"}' });
    await seated(0);
    expect(house.house.requests.at(-1)).toMatchObject({ status: 200, waited: true, instanceId: WEB });
    connection[Symbol.dispose]();
  });

  test('is not answered for what changes elsewhere', async () => {
    const { connection, reply } = await wait({ path: waiting(META_DATA) });
    await house.change(DB, 'renamed');
    house.guests.change(
      WEB,
      filesOf('web').map((file) => (file.path === 'user_data' ? { ...file, body: 'new' } : file)),
    );
    const before = house.guests.countOf('getMetadata');
    await house.invalidate(WEB);
    await waitFor('the look', () => house.guests.countOf('getMetadata') > before);
    expect(await waiters()).toBe(1);
    await house.change(WEB, 'renamed');
    expect((await reply).body).toBe('{"name": "renamed"}');
    connection[Symbol.dispose]();
  });

  test('is answered at once when it has seen something else', async () => {
    const { headers } = await house.get(META_DATA);
    const etag = (headers.get('etag') ?? '').replaceAll('"', '');
    await house.change(WEB, 'renamed');
    for (const seen of [etag, `%22${etag}%22`, '0', '']) {
      const reply = await house.get(waiting(META_DATA, `&last_etag=${seen}`));
      expect(reply).toMatchObject({ status: 200, body: '{"name": "renamed"}' });
    }
  });

  test.each(['', '%22'])('waits when it has seen what there is', async (quote) => {
    const { headers } = await house.get(META_DATA);
    const etag = (headers.get('etag') ?? '').replaceAll('"', '');
    const { connection, reply } = await wait({
      path: waiting(META_DATA, `&last_etag=${quote}${etag}${quote}`),
    });
    await house.change(WEB, 'renamed');
    expect((await reply).status).toBe(200);
    connection[Symbol.dispose]();
  });

  test('is given what there is when its time is over', async () => {
    const { connection, reply } = await wait({ path: waiting(META_DATA, '&timeout_sec=5') });
    clock.nowMs += 4_900;
    expect(await waiters()).toBe(1);
    clock.nowMs += 200;
    expect(await reply).toMatchObject({ status: 200, body: '{"name": "web"}' });
    await seated(0);
    connection[Symbol.dispose]();
  });

  test('waits no longer than it may', async () => {
    const { connection, reply } = await wait({ path: waiting(META_DATA, '&timeout_sec=3600') });
    clock.nowMs += 20_100;
    expect((await reply).status).toBe(200);
    connection[Symbol.dispose]();
  });

  test('waits for vendordata too, which a purge may change', async () => {
    const { connection, reply } = await wait({ path: waiting(VENDOR_DATA2) });
    const { documents } = house.house.vendordata;
    for (const document of documents.keys()) documents.set(document, '{"rack": 8}');
    await house.house.purge(WEB, '');
    expect((await reply).body).toBe('{"rack": 8}');
    connection[Symbol.dispose]();
  });

  test('is not troubled by an outage, which is no change', async () => {
    const { connection, reply } = await wait({ path: waiting(META_DATA) });
    house.guests.failure = unavailable('DATABASE_UNAVAILABLE', 'PostgreSQL does not answer.');
    const before = house.guests.countOf('getMetadata');
    await house.invalidate(WEB);
    await waitFor('the look', () => house.guests.countOf('getMetadata') > before);
    expect(await waiters()).toBe(1);
    house.guests.failure = undefined;
    await house.change(WEB, 'renamed');
    expect((await reply).body).toBe('{"name": "renamed"}');
    connection[Symbol.dispose]();
  });

  test('is told when its instance is gone', async () => {
    const { connection, reply } = await wait({ path: waiting(META_DATA) });
    house.guests.records.delete(WEB);
    await house.invalidate(WEB);
    expect((await reply).status).toBe(404);
    connection[Symbol.dispose]();
  });

  test('sees what changed while the watch was lost', async () => {
    const { connection, reply } = await wait({ path: waiting(META_DATA) });
    house.guests.watch.refusing = true;
    house.guests.watch.breakAll();
    const up = () => house.house.metric('hallmark_gateway_watch_up{service="instances"}');
    await waitFor('the loss', async () => (await up()) === 0);
    house.guests.change(WEB, filesOf('renamed'));
    house.guests.watch.version += 1;
    house.guests.watch.refusing = false;
    expect((await reply).body).toBe('{"name": "renamed"}');
    connection[Symbol.dispose]();
  });

  test('sees its password come', async () => {
    const { connection, reply } = await wait({ path: waiting('/openstack/latest/password') });
    await house.ask({ method: 'POST', path: '/openstack/latest/password', body: 'c2VjcmV0' });
    expect((await reply).body).toBe('c2VjcmV0');
    connection[Symbol.dispose]();
  });

  test('frees its seat when it hangs up', async () => {
    const { connection } = await wait({ path: waiting(META_DATA) });
    connection.hangUp();
    await seated(0);
    await waitFor('the line', () => house.house.requests.at(-1)?.['status'] === 499);
    const lines = house.house.requests.length;
    await house.change(WEB, 'renamed');
    expect(house.house.requests).toHaveLength(lines);
  });

  test('is answered when the gateway stops', async () => {
    const { connection, reply } = await wait({ path: waiting(META_DATA) });
    const stopping = house.house.gateway[Symbol.asyncDispose]();
    expect((await reply).body).toBe('{"name": "web"}');
    connection[Symbol.dispose]();
    await stopping;
  });

  test('is one of so many; more are told when to come back', async () => {
    const seats = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const connection = await RawConnection.open(house.address);
        connection.send(bytesOf({ path: waiting(META_DATA) }));
        return { connection, reply: connection.reply() };
      }),
    );
    await seated(50);
    const reply = await house.get(waiting(META_DATA));
    expect(reply.status).toBe(503);
    expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await house.get(META_DATA)).status).toBe(200);
    await house.change(WEB, 'renamed');
    for (const seat of seats) {
      expect((await seat.reply).body).toBe('{"name": "renamed"}');
      seat.connection[Symbol.dispose]();
    }
    expect(house.guests.countOf('getMetadata')).toBeLessThan(5);
  });

  test.each([
    '?wait_for_change=false',
    '?wait_for_change',
    '?wait=true',
    '?wait_for_change=true&timeout_sec=0',
  ])('%s does not wait long', async (query) => {
    const reply = house.get(`${META_DATA}${query}`, proxied());
    clock.nowMs += 100;
    expect((await reply).status).toBe(200);
  });
});
