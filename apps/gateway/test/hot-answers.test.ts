import { hash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { unavailable } from '@hallmark/errors';
import { waitFor } from '@hallmark/testing';
import { aCaller } from './fake-identity.ts';
import { aPart } from './fake-vendordata.ts';
import { aBody, House, INSTANCE, SERVICE_TOKEN, type Reply } from './house.ts';
import { RawConnection } from './raw.ts';

jest.setTimeout(30_000);

const OTHER = '11111111-2222-3333-4444-555555555555';

const timingOf = ({ headers }: Reply): string => String(headers['server-timing']);
const isHit = (reply: Reply): boolean => timingOf(reply).startsWith('gateway;desc="hit"');

let house: House;
let clock: { nowMs: number };
beforeEach(async () => {
  clock = { nowMs: 1_000_000 };
  house = await House.open({ clock });
});
afterEach(async () => house[Symbol.asyncDispose]());

/** How often each service was asked. */
const asked = (): { identity: number; vendordata: number } => ({
  identity: house.identity.asked.length,
  vendordata: house.vendordata.asked.length,
});

const inFlight = async (requests: number): Promise<void> => {
  await waitFor(
    'the requests',
    async () => (await house.metric('hallmark_gateway_requests_in_flight')) === requests,
  );
};

describe('a repeat of a POST', () => {
  test('touches no other process', async () => {
    const first = await house.post();
    for (let i = 0; i < 20; i++) {
      const again = await house.post();
      expect(again.body).toBe(first.body);
      expect(isHit(again)).toBe(true);
    }
    expect(asked()).toEqual({ identity: 1, vendordata: 1 });
  });

  test('says so, to the caller, the log and the metrics', async () => {
    house.vendordata.parts = [aPart('rack', '1'), aPart('join', '2')];
    await house.post();
    const again = await house.post();
    expect(timingOf(again)).toBe(
      'gateway;desc="hit", rack;dur=0.0;desc="cached", join;dur=0.0;desc="cached"',
    );
    expect(house.requests.at(-1)).toMatchObject({ caller: 'hit', answer: 'hit' });
    const lookups = (cache: string, result: string) =>
      house.metric(`hallmark_gateway_cache_lookups_total{cache="${cache}",result="${result}"}`);
    expect(await lookups('answers', 'hit')).toBe(1);
    expect(await lookups('answers', 'miss')).toBe(1);
    expect(await lookups('validations', 'hit')).toBe(1);
    expect(await house.metric('hallmark_gateway_cache_entries{cache="answers"}')).toBe(1);
    expect(await house.metric('hallmark_gateway_cache_bytes{cache="answers"}')).toBeGreaterThan(500);
  });

  test('is told apart by every byte of the body and by the target', async () => {
    await house.post();
    await house.post({ body: aBody({ hostname: 'mail-2' }) });
    await house.post({ body: `${aBody()} ` });
    await house.post({ path: '/vendordata/rack' });
    await house.post({ path: '/vendordata/other' });
    expect(asked().vendordata).toBe(5);
  });

  test('is not told apart by who asks, as long as they may', async () => {
    house.identity.callers.set('second', aCaller({ userId: 'second' }));
    await house.post();
    expect(isHit(await house.post({ token: 'second' }))).toBe(true);
    expect((await house.post({ token: 'gAAAAABmember' })).status).toBe(403);
  });

  test('of a failure is asked anew', async () => {
    house.vendordata.failure = unavailable('VENDORDATA_TARGET_FAILED', 'Target rack gave no answer.');
    await house.post();
    house.vendordata.failure = undefined;
    expect((await house.post()).status).toBe(200);
    expect(asked().vendordata).toBe(2);
  });
});

describe('an answer is given again', () => {
  test('for as long as it may be, with its age', async () => {
    house.vendordata.ttlMs = 30_000;
    house.vendordata.ageMs = 30_000;
    expect((await house.post()).headers).toMatchObject({ 'cache-control': 'max-age=60', age: '30' });
    clock.nowMs += 10_000;
    expect((await house.post()).headers).toMatchObject({ 'cache-control': 'max-age=60', age: '40' });
    clock.nowMs += 19_999;
    expect(isHit(await house.post())).toBe(true);
    clock.nowMs += 1;
    expect(isHit(await house.post())).toBe(false);
  });

  test('from when it was asked for, so that its way here does not lengthen its life', async () => {
    house.vendordata.ttlMs = 10_000;
    const gate = Promise.withResolvers<undefined>();
    house.vendordata.gate = gate.promise;
    const slow = house.post();
    await waitFor('the question', () => asked().vendordata === 1);
    clock.nowMs += 4_000;
    gate.resolve(undefined);
    expect((await slow).headers).toMatchObject({ 'cache-control': 'max-age=10', age: '4' });
    clock.nowMs += 5_999;
    expect(isHit(await house.post())).toBe(true);
    clock.nowMs += 1;
    expect(isHit(await house.post())).toBe(false);
  });

  test('not when its life ended while the body was on its way', async () => {
    house.vendordata.ttlMs = 10_000;
    await house.post();
    using connection = await RawConnection.open(house.address);
    const body = aBody();
    connection.send(
      `POST /vendordata HTTP/1.1\r\nHost: gateway\r\nX-Auth-Token: ${SERVICE_TOKEN}\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    await inFlight(1);
    clock.nowMs += 10_000;
    connection.send(body);
    expect((await connection.reply()).headers.get('server-timing')).toContain('desc="miss"');
  });

  test('never without permission', async () => {
    house.vendordata.ttlMs = 0;
    await house.post();
    await house.post();
    expect(asked()).toEqual({ identity: 1, vendordata: 2 });
  });

  test('only to a caller whose validation holds', async () => {
    house.identity.ttlMs = 5_000;
    await house.post();
    clock.nowMs += 4_999;
    await house.post();
    expect(asked().identity).toBe(1);
    clock.nowMs += 1;
    house.identity.callers.delete(SERVICE_TOKEN);
    expect((await house.post()).status).toBe(401);
  });

  test('not to a caller who lost the role meanwhile', async () => {
    house.identity.ttlMs = 5_000;
    await house.post();
    house.identity.callers.set(SERVICE_TOKEN, aCaller({ roles: ['member'] }));
    clock.nowMs += 5_000;
    expect((await house.post()).status).toBe(403);
  });
});

describe('a purge', () => {
  test('drops the answers about its instance and no others', async () => {
    const other = aBody({ 'instance-id': OTHER });
    await house.post();
    await house.post({ path: '/vendordata/rack' });
    await house.post({ body: other });
    await house.purge(INSTANCE, '');
    expect(isHit(await house.post({ body: other }))).toBe(true);
    expect(isHit(await house.post())).toBe(false);
    expect(isHit(await house.post({ path: '/vendordata/rack' }))).toBe(false);
  });

  test('of a target drops what holds its part', async () => {
    house.vendordata.parts = ['rack', 'join', 'cloud-init'].map((name) => aPart(name, '1'));
    const paths = ['/vendordata', '/vendordata/rack', '/vendordata/join', '/vendordata/cloud-init'];
    for (const path of paths) await house.post({ path });
    await house.purge('', 'rack');
    const hits = await Promise.all(paths.map(async (path) => isHit(await house.post({ path }))));
    // cloud-init may be composed of parts of rack.
    expect(hits).toEqual([false, false, true, false]);
  });

  test('of a target and an instance leaves other instances alone', async () => {
    const other = aBody({ 'instance-id': OTHER });
    await house.post();
    await house.post({ body: other });
    await house.purge(OTHER, 'rack');
    expect(isHit(await house.post())).toBe(true);
    expect(isHit(await house.post({ body: other }))).toBe(false);
  });

  test('of everything leaves nothing', async () => {
    await house.post();
    await house.post({ body: aBody({ 'instance-id': OTHER }) });
    await house.purge('', '');
    expect(await house.metric('hallmark_gateway_cache_entries{cache="answers"}')).toBe(0);
    // Who is calling has nothing to do with it.
    await house.post();
    expect(asked().identity).toBe(1);
  });

  test('keeps out an answer that was begun before it and comes after it', async () => {
    const gate = Promise.withResolvers<undefined>();
    house.vendordata.gate = gate.promise;
    const slow = house.post();
    await waitFor('the question', () => asked().vendordata === 1);
    await house.purge(INSTANCE, '');
    gate.resolve(undefined);
    expect((await slow).status).toBe(200);
    expect(isHit(await house.post())).toBe(false);
    expect(isHit(await house.post())).toBe(true);
  });

  test('lets in an answer about another instance that was begun before it', async () => {
    const gate = Promise.withResolvers<undefined>();
    house.vendordata.gate = gate.promise;
    const slow = house.post();
    await waitFor('the question', () => asked().vendordata === 1);
    await house.purge(OTHER, '');
    gate.resolve(undefined);
    await slow;
    expect(isHit(await house.post())).toBe(true);
  });

  test('keeps out the answer of a replica that has not heard of it', async () => {
    house.vendordata.version = 0;
    await house.purge(INSTANCE, '');
    await house.post();
    expect(isHit(await house.post())).toBe(false);
    house.vendordata.version = undefined;
    await house.post();
    expect(isHit(await house.post())).toBe(true);
  });
});

describe('a token that is taken back', () => {
  test('is asked about again, and no other is', async () => {
    house.identity.callers.set('second', aCaller());
    await house.post();
    await house.post({ token: 'second' });
    house.identity.callers.delete(SERVICE_TOKEN);
    await house.takeBack(hash('sha256', SERVICE_TOKEN));
    expect((await house.post()).status).toBe(401);
    expect((await house.post({ token: 'second' })).status).toBe(200);
    expect(asked().identity).toBe(3);
  });

  test('takes the pair with it that it was part of', async () => {
    const pair = { headers: { 'x-service-token': 'service' } };
    await house.post(pair);
    await house.takeBack(hash('sha256', 'service'));
    await house.post(pair);
    expect(asked().identity).toBe(2);
  });

  test('with all others leaves none', async () => {
    await house.post();
    await house.takeBack('');
    await house.post();
    expect(asked()).toEqual({ identity: 2, vendordata: 1 });
  });
});

describe('identical requests at once', () => {
  test('are one question, and everyone gets the answer', async () => {
    const gate = Promise.withResolvers<undefined>();
    house.vendordata.gate = gate.promise;
    house.identity.gate = gate.promise;
    const all = Promise.all(Array.from({ length: 100 }, async () => house.post()));
    await inFlight(100);
    gate.resolve(undefined);
    const replies = await all;
    expect(new Set(replies.map(({ status, body }) => `${status} ${body}`))).toEqual(
      new Set(['200 {"rack": {"row": 7}}']),
    );
    expect(asked()).toEqual({ identity: 1, vendordata: 1 });
    expect(
      replies.filter((reply) => timingOf(reply).includes('gateway;dur=0.0;desc="shared"')).length,
    ).toBeGreaterThan(0);
  });

  test('share the failure, and nobody after them', async () => {
    const gate = Promise.withResolvers<undefined>();
    house.vendordata.gate = gate.promise;
    house.vendordata.failure = unavailable('VENDORDATA_TARGET_FAILED', 'Target rack gave no answer.');
    const all = Promise.all(Array.from({ length: 10 }, async () => house.post()));
    await inFlight(10);
    gate.resolve(undefined);
    expect((await all).map(({ status }) => status)).toEqual(Array(10).fill(503));
    house.vendordata.failure = undefined;
    expect((await house.post()).status).toBe(200);
  });
});

describe('a caller who hangs up', () => {
  test('takes the question back', async () => {
    await house.post({ body: aBody({ hostname: 'known-caller' }) });
    house.vendordata.gate = new Promise(() => undefined);
    const leaving = new AbortController();
    const gone = house.post({ signal: leaving.signal }).catch(() => 'gone');
    await waitFor('the question', () => asked().vendordata === 2);
    leaving.abort();
    await waitFor('the cancellation', () => house.vendordata.aborted === 1);
    expect(await gone).toBe('gone');
    await waitFor('the line', () => house.requests.at(-1)?.['status'] === 499);
  });

  test('does not, while others wait for the answer', async () => {
    const gate = Promise.withResolvers<undefined>();
    house.vendordata.gate = gate.promise;
    const leaving = new AbortController();
    const gone = house.post({ signal: leaving.signal }).catch(() => 'gone');
    await waitFor('the question', () => asked().vendordata === 1);
    const staying = house.post();
    await inFlight(2);
    leaving.abort();
    expect(await gone).toBe('gone');
    await waitFor('the line', () => house.requests.at(-1)?.['status'] === 499);
    gate.resolve(undefined);
    expect((await staying).status).toBe(200);
    expect(house.vendordata.aborted).toBe(0);
  });

  test('takes the question about the token back', async () => {
    house.identity.gate = new Promise(() => undefined);
    const leaving = new AbortController();
    const gone = house.post({ signal: leaving.signal }).catch(() => 'gone');
    await waitFor('the question', () => asked().identity === 1);
    leaving.abort();
    await waitFor('the cancellation', () => house.identity.aborted === 1);
    expect(await gone).toBe('gone');
  });
});
