import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { notFound, notReady } from '@hallmark/errors';
import { waitFor } from '@hallmark/testing';
import { aRecord, filesOf } from './fake-guests.ts';
import {
  balanced,
  bytesOf,
  DB,
  GuestHouse,
  PROJECT,
  PROVIDER,
  proxied,
  WEB,
  type Lines,
} from './guest-house.ts';
import { RawConnection } from './raw.ts';

jest.setTimeout(30_000);

const META_DATA = '/openstack/latest/meta_data.json';
const VENDOR_DATA2 = '/openstack/latest/vendor_data2.json';
const PASSWORD = '/openstack/latest/password';

let house: GuestHouse;
let clock: { nowMs: number };
beforeEach(async () => {
  clock = { nowMs: 1_000_000 };
  house = await GuestHouse.open({ clock });
});
afterEach(async () => house[Symbol.asyncDispose]());

const asked = () => ({
  instances: house.guests.countOf('getMetadata'),
  vendordata: house.house.vendordata.asked.length,
});

describe('a guest that crawls', () => {
  test('costs one call of each service, and none when it comes again', async () => {
    const paths = [META_DATA, '/openstack/2012-08-10/meta_data.json', '/latest/meta-data/', VENDOR_DATA2];
    for (const path of [...paths, ...paths]) expect((await house.get(path)).status).toBe(200);
    expect(asked()).toEqual({ instances: 1, vendordata: 1 });
    const [first] = house.house.vendordata.asked;
    expect(first?.request.instanceJson.toString()).toContain(WEB);
    expect(house.house.requests.at(-1)).toMatchObject({
      path: VENDOR_DATA2,
      status: 200,
      introducedBy: 'proxy',
      instanceId: WEB,
      projectId: PROJECT,
      metadata: 'hit',
      answer: 'hit',
    });
    const requests = (route: string) =>
      house.house.metric(`hallmark_gateway_requests_total{route="${route}",method="GET",status="200"}`);
    expect(await requests('/openstack/:version/vendor_data2.json')).toBe(2);
    expect(await requests('/openstack/:version/meta_data.json')).toBe(4);
    expect(await requests('/:version/meta-data')).toBe(2);
  });

  test('at once with others of its kind costs one call', async () => {
    const gate = Promise.withResolvers<undefined>();
    house.guests.gate = gate.promise;
    const crawls = Array.from({ length: 8 }, async () => house.get(META_DATA));
    await waitFor('the question', () => asked().instances > 0);
    gate.resolve(undefined);
    for (const { body } of await Promise.all(crawls)) expect(body).toBe('{"name": "web"}');
    expect(asked().instances).toBe(1);
  });

  test('that hangs up takes its question back', async () => {
    house.guests.gate = new Promise(() => undefined);
    const connection = await RawConnection.open(house.address);
    connection.send(bytesOf({ path: META_DATA }));
    await waitFor('the question', () => asked().instances > 0);
    connection.hangUp();
    await waitFor('the end of it', () => house.guests.aborted === 1);
    await waitFor('the line', () => house.house.requests.at(-1)?.['status'] === 499);
  });
});

describe('what is kept of an instance', () => {
  test('ends with its time', async () => {
    house.guests.ttlMs = 5_000;
    await house.get(META_DATA);
    clock.nowMs += 4_999;
    await house.get(META_DATA);
    expect(asked().instances).toBe(1);
    clock.nowMs += 1;
    await house.get(META_DATA);
    expect(asked().instances).toBe(2);
  });

  test('ends when it changes, and only its own', async () => {
    await house.get(META_DATA);
    await house.get(META_DATA, proxied(DB));
    await house.change(WEB, 'renamed');
    expect((await house.get(META_DATA)).body).toBe('{"name": "renamed"}');
    expect((await house.get(META_DATA, proxied(DB))).body).toBe('{"name": "db"}');
    expect(asked().instances).toBe(3);
  });

  test('ends when it is deleted', async () => {
    await house.get(META_DATA);
    house.guests.records.delete(WEB);
    await house.invalidate(WEB);
    expect((await house.get(META_DATA)).status).toBe(404);
  });

  test('of nobody is not kept: an instance that comes is there at once', async () => {
    const id = 'c0ffee00-0000-4000-8000-000000000000';
    expect((await house.get(META_DATA, proxied(id))).status).toBe(404);
    house.guests.records.set(id, aRecord(id, PROJECT, filesOf('new')));
    expect((await house.get(META_DATA, proxied(id))).status).toBe(200);
  });

  test('is dropped when the watch is lost, and then kept for a moment only', async () => {
    await house.get(META_DATA);
    house.guests.watch.refusing = true;
    house.guests.watch.breakAll();
    const up = () => house.house.metric('hallmark_gateway_watch_up{service="instances"}');
    await waitFor('the loss', async () => (await up()) === 0);
    await house.get(META_DATA);
    clock.nowMs += 999;
    await house.get(META_DATA);
    expect(asked().instances).toBe(2);
    clock.nowMs += 1;
    await house.get(META_DATA);
    expect(asked().instances).toBe(3);
  });

  test('of vendordata ends with a purge and with its time', async () => {
    house.house.vendordata.ttlMs = 5_000;
    await house.get(VENDOR_DATA2);
    await house.house.purge(WEB, '');
    await house.get(VENDOR_DATA2);
    expect(asked()).toEqual({ instances: 1, vendordata: 2 });
    clock.nowMs += 5_000;
    await house.get(VENDOR_DATA2);
    expect(asked().vendordata).toBe(3);
  });

  test('of vendordata may be nothing', async () => {
    house.house.vendordata.ttlMs = 0;
    await house.get(VENDOR_DATA2);
    await house.get(VENDOR_DATA2);
    expect(asked().vendordata).toBe(2);
  });

  test('makes no guest and no caller of Nova’s take another’s document', async () => {
    await house.get(VENDOR_DATA2);
    expect((await house.get('/openstack/latest/vendor_data.json')).body).toBe('{"static": 1}');
    expect((await house.get(VENDOR_DATA2)).body).toContain('rack');
    const body = house.house.vendordata.asked[0]?.request.instanceJson ?? '';
    expect((await house.house.post({ body })).body).toBe('{"rack": {"row": 7}}');
  });
});

test('vendor_data.json is 404 where no file is configured', async () => {
  house.house.vendordata.failure = notFound('NO_STATIC_VENDORDATA', 'StaticJSON is not a provider.');
  expect((await house.get('/openstack/latest/vendor_data.json')).status).toBe(404);
});

describe('a document has an ETag', () => {
  const etagOf = async (path: string): Promise<string> => (await house.get(path)).headers.get('etag') ?? '';

  test('that is the digest of its bytes', async () => {
    expect(await etagOf(META_DATA)).toMatch(/^"[0-9a-f]{64}"$/);
    expect(await etagOf(META_DATA)).toBe(await etagOf('/openstack/2020-10-14/meta_data.json'));
    expect(await etagOf(META_DATA)).not.toBe(await etagOf('/latest/user-data'));
  });

  test.each([META_DATA, VENDOR_DATA2, PASSWORD, '/openstack', '/latest/meta-data/local-ipv4', '/'])(
    'by which %s is not sent twice',
    async (path) => {
      const etag = await etagOf(path);
      for (const known of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
        const reply = await house.ask({ path, more: [['If-None-Match', known]] });
        expect(reply).toMatchObject({ status: 304, body: '', head: [] });
        expect(reply.headers.get('etag')).toBe(etag);
      }
      expect((await house.ask({ path, more: [['If-None-Match', '"x"']] })).status).toBe(200);
    },
  );

  test('that changes with it', async () => {
    const before = await etagOf(META_DATA);
    await house.change(WEB, 'renamed');
    const reply = await house.ask({ path: META_DATA, more: [['If-None-Match', before]] });
    expect(reply).toMatchObject({ status: 200, body: '{"name": "renamed"}' });
  });
});

describe('a password', () => {
  const post = async (body: string | Buffer, given: { more?: Lines; path?: string } = {}) =>
    house.ask({ method: 'POST', path: PASSWORD, body, ...given });

  test('is stored once, and read at once', async () => {
    expect(await house.get(PASSWORD)).toMatchObject({ status: 200, body: '' });
    expect(await post('c2VjcmV0')).toMatchObject({ status: 200, body: '' });
    expect((await house.get(PASSWORD)).body).toBe('c2VjcmV0');
    expect((await post('again')).status).toBe(409);
    expect(house.guests.passwords.get(WEB)).toBe('c2VjcmV0');
    expect(house.house.lines.join('')).not.toContain('c2VjcmV0');
  });

  test('is stored once by many at once', async () => {
    const replies = await Promise.all(Array.from({ length: 10 }, async (_, at) => post(`p${at}`)));
    const statuses = replies.map(({ status }) => status).sort((left, right) => left - right);
    expect(statuses).toEqual([200, ...Array.from({ length: 9 }, () => 409)]);
  });

  test('may be 1020 bytes and no more', async () => {
    const tooLarge = await post('x'.repeat(1_021));
    expect(tooLarge).toMatchObject({
      status: 400,
      body: '400 Bad Request\n\nRequest is too large.\n\n   ',
    });
    expect((await post('x'.repeat(1_020))).status).toBe(200);
    expect((await post('x'.repeat(100_000))).status).toBe(409);
    expect((await post('')).status).toBe(409);
  });

  test('whose answer is lost on its way is not posted again, since that could only be refused', async () => {
    await house.get(PASSWORD);
    const { promise: gate, resolve: open } = Promise.withResolvers<undefined>();
    house.guests.gate = gate;
    const reply = post('c2VjcmV0');
    await waitFor('it to be posted', () => house.guests.countOf('setPassword') === 1);
    house.wire.block();
    open(undefined);
    await waitFor('it to be stored', () => house.guests.passwords.size === 1);
    await house.wire.cut();
    await house.wire.restore();
    expect(await reply).toMatchObject({ status: 503 });
    expect(house.guests.countOf('setPassword')).toBe(1);
  });

  test('that is empty leaves it unset', async () => {
    expect((await post('')).status).toBe(200);
    expect((await post('later')).status).toBe(200);
  });

  test('without a length is an empty one', async () => {
    expect((await house.ask({ method: 'POST', path: PASSWORD })).status).toBe(200);
    expect((await post('later')).status).toBe(200);
  });

  test('that is no UTF-8 is refused', async () => {
    expect((await post(Buffer.from([0xff, 0xfe]))).status).toBe(400);
    expect(house.guests.passwords.size).toBe(0);
  });

  test('may come in chunks, as long as they are few', async () => {
    const send = async (body: string) => {
      using connection = await RawConnection.open(house.address);
      const head = bytesOf({ method: 'POST', path: PASSWORD, more: [['Transfer-Encoding', 'chunked']] });
      const chunk = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
      connection.send(Buffer.concat([head, Buffer.from(chunk)]));
      return await connection.reply();
    };
    expect((await send('x'.repeat(2_000))).status).toBe(400);
    expect((await send('chunked')).status).toBe(200);
    expect(house.guests.passwords.get(WEB)).toBe('chunked');
  });

  test.each(['PUT', 'DELETE', 'PATCH', 'OPTIONS'])('knows no %s', async (method) => {
    expect(await house.ask({ method, path: PASSWORD })).toMatchObject({
      status: 400,
      body: '400 Bad Request\n\nGET and POST only are supported.\n\n   ',
    });
  });

  test('knows no HEAD', async () => {
    const reply = await house.ask({ method: 'HEAD', path: PASSWORD });
    expect(reply.status).toBe(400);
    expect(reply.head).toEqual(['Content-Length: 0', 'Content-Type: text/html; charset=UTF-8']);
  });

  test('is not taken by the first version, nor for an instance that is gone', async () => {
    expect((await post('x', { path: '/openstack/2012-08-10/password' })).status).toBe(404);
    await house.get(PASSWORD);
    house.guests.records.delete(WEB);
    expect((await post('x')).status).toBe(404);
  });
});

describe('a guest behind a load balancer', () => {
  test('is found by its address, which is remembered for its time', async () => {
    house.guests.places.set(`10.9.0.6 ${PROVIDER}`, { instanceId: WEB, projectId: PROJECT });
    for (let time = 0; time < 3; time++) {
      expect((await house.get(META_DATA, balanced('10.9.0.6'))).body).toBe('{"name": "web"}');
    }
    expect(house.guests.countOf('findByAddress')).toBe(1);
    expect((await house.get('/latest/meta-data/local-ipv4', balanced('10.9.0.6'))).body).toBe('10.9.0.6');
    house.guests.places.set(`10.9.0.6 ${PROVIDER}`, { instanceId: DB, projectId: PROJECT });
    clock.nowMs += 10_000;
    expect((await house.get(META_DATA, balanced('10.9.0.6'))).body).toBe('{"name": "db"}');
    expect(house.house.requests.at(-1)).toMatchObject({ introducedBy: 'load-balancer', instanceId: DB });
  });

  test('is told how many ports there are', async () => {
    house.guests.places.set(`10.9.0.6 ${PROVIDER}`, notReady('PORTS_AMBIGUOUS', '2 ports match.'));
    const reply = await house.get(META_DATA, balanced('10.9.0.6'));
    const said = `Expected a single port matching provider ${PROVIDER} and IP 10.9.0.6. Found 2.`;
    expect(reply).toMatchObject({ status: 400, body: `400 Bad Request\n\n${said}\n\n   ` });
  });
});

test('what is kept takes memory that is counted', async () => {
  await house.get(META_DATA);
  const bytes = await house.house.metric('hallmark_gateway_cache_bytes{cache="metadata"}');
  expect(bytes).toBeGreaterThan(1_000);
  house.guests.change(WEB, filesOf('x'.repeat(50_000)));
  await house.invalidate(WEB);
  await house.get(META_DATA);
  expect(await house.house.metric('hallmark_gateway_cache_bytes{cache="metadata"}')).toBeGreaterThan(
    bytes + 50_000,
  );
});
