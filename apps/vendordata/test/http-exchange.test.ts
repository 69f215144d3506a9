import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startFakeTarget, waitFor, type FakeTarget, type FakeTargetAnswer } from '@hallmark/testing';
import { House, listed, NOVA_BODY, openHouse } from './house.ts';

let target: FakeTarget;
let house: House;

beforeEach(async () => {
  target = await startFakeTarget();
});
afterEach(async () => {
  await house[Symbol.asyncDispose]();
  await target[Symbol.asyncDispose]();
});

const limits = (options: string): string => `[vendordata_target:cmdb]\n${options}\n`;

/** What came of asking the target once, straight. */
async function probed(answer: FakeTargetAnswer, options = ''): Promise<string> {
  target.answer(answer);
  house = await openHouse(listed({ cmdb: target.url }) + limits(options));
  const { json, failure } = await house.probe('cmdb');
  return failure ? failure.reason : json.toString();
}

describe('the request', () => {
  test('is the one that Nova makes', async () => {
    house = await openHouse(listed({ cmdb: `${target.url}v1/join?key=a%20b` }));
    await house.resolve();

    const [request] = target.requests;
    expect(request?.method).toBe('POST');
    expect(request?.path).toBe('/v1/join?key=a%20b');
    expect(request?.body.toString()).toBe(NOVA_BODY);
    // Recorded from Nova, in its order; undici puts its own two first and the length last.
    const own = ['host', 'connection', 'content-length'];
    expect(request?.rawHeaders.filter(([name]) => !own.includes(name.toLowerCase()))).toEqual([
      ['User-Agent', 'openstack-nova-vendordata'],
      ['Accept-Encoding', 'gzip, deflate'],
      ['Accept', 'application/json'],
      ['Content-Type', 'application/json'],
      ['X-Auth-Token', 'token-1'],
    ]);
    expect(request?.headers).toMatchObject({
      host: `127.0.0.1:${target.port}`,
      connection: 'keep-alive',
      'content-length': String(NOVA_BODY.length),
    });
  });

  test('carries the bytes as they came, whatever is in them', async () => {
    house = await openHouse(listed({ cmdb: target.url }));
    const instance = NOVA_BODY.replace(
      '{"role": "web", "tier": "gold"}',
      '{"__proto__": "h\u00e9", "a":  "\\u00e9", "new": "1"}, "num": 12345678901234567890, "f": 1.0, "e": 1e400',
    );
    await house.resolve({ instance });
    expect(target.requests[0]?.body.toString()).toBe(instance);
  });

  test('carries the credentials of the URL beside the token', async () => {
    const url = target.url.replace('//', '//user:p%40ss@');
    house = await openHouse(listed({ cmdb: url }));
    await house.resolve();
    expect(target.requests[0]?.headers).toMatchObject({
      authorization: `Basic ${Buffer.from('user:p@ss').toString('base64')}`,
      'x-auth-token': 'token-1',
    });
  });

  test('goes over a connection that is kept', async () => {
    house = await openHouse(listed({ cmdb: target.url }));
    for (let round = 0; round < 3; round++) await house.resolve();
    expect(target.requests).toHaveLength(3);
    expect(target.connections).toBe(1);
  });

  test('goes over a kept connection also after an error with a body', async () => {
    house = await openHouse(listed({ cmdb: target.url }));
    target.answerNext({ status: 404, body: 'x'.repeat(2_000) });
    await house.resolve();
    await house.resolve();
    expect(target.connections).toBe(1);
  });
});

describe('an answer is taken', () => {
  test.each([
    ['an object', '{"a": 1}'],
    ['an array', '[1]'],
    ['a string', '"x"'],
    ['null', 'null'],
    ['numbers that no double holds', '{"a": 12345678901234567890, "b": 1.0, "c": 1e400}'],
    ['duplicate and odd keys', '{"a":1, "a":2, "__proto__": {"x": 1}}'],
  ])('as it is: %s', async (_what, body) => {
    expect(await probed({ body })).toBe(body);
  });

  test.each([
    ['204', { status: 204 }],
    ['200 without a body', { body: '' }],
    ['304 that nobody asked for', { status: 304, body: '' }],
  ] satisfies [string, FakeTargetAnswer][])('as {}: %s', async (_what, answer) => {
    expect(await probed(answer)).toBe('{}');
  });

  test.each([
    ['201', { status: 201, json: 1 }],
    ['202', { status: 202, json: 1 }],
    ['300', { status: 300, json: 1 }],
    ['302 without Location', { status: 302, json: 1 }],
  ] satisfies [string, FakeTargetAnswer][])('whatever its status below 400: %s', async (_what, answer) => {
    expect(await probed(answer)).toBe('1');
  });

  test.each([
    ['gzip', { body: '{"a": 1.0}', encoding: 'gzip' }],
    ['deflate', { body: '{"a": 1.0}', encoding: 'deflate' }],
    ['gzip twice', { body: gzipSync(gzipSync('{"a": 1.0}')), headers: { 'Content-Encoding': 'gzip, gzip' } }],
  ] satisfies [string, FakeTargetAnswer][])('compressed: %s', async (_what, answer) => {
    expect(await probed(answer)).toBe('{"a": 1.0}');
  });

  test('in a declared charset, in UTF-8 otherwise', async () => {
    const body = Buffer.from('"h\u00e9llo"', 'latin1');
    const headers = { 'Content-Type': 'text/html; charset="ISO-8859-1"' };
    expect(await probed({ body, headers })).toBe('"h\u00e9llo"');
    target.answer({ body: '"h\u00e9llo"', headers: { 'Content-Type': 'text/html' } });
    expect((await house.probe('cmdb')).json.toString()).toBe('"h\u00e9llo"');
  });

  test('up to exactly the largest size', async () => {
    const body = JSON.stringify('x'.repeat(98));
    expect(await probed({ body }, 'max_response_bytes = 100')).toBe(body);
  });
});

describe('an answer is a failure', () => {
  test.each([
    ['400', { status: 400 }, 'STATUS'],
    ['500', { status: 500 }, 'STATUS'],
    ['HTML', { body: '<html>' }, 'NOT_JSON'],
    ['white space only', { body: '   ' }, 'NOT_JSON'],
    ['a byte order mark before the JSON', { body: '\uFEFF{}' }, 'NOT_JSON'],
    ['broken UTF-8', { body: Buffer.from([0x22, 0xff, 0x22]) }, 'NOT_JSON'],
    ['NaN', { body: '{"a": NaN}' }, 'NOT_JSON'],
    ['nesting that would break the reader behind', { body: '['.repeat(501) + ']'.repeat(501) }, 'NOT_JSON'],
    ['a compression that was not offered', { body: '{}', headers: { 'Content-Encoding': 'br' } }, 'NOT_JSON'],
    ['gzip that is none', { body: '{}', headers: { 'Content-Encoding': 'gzip' } }, 'NOT_JSON'],
    [
      'gzip that ends early',
      { body: gzipSync('{"a": 1}').subarray(0, -9), headers: { 'Content-Encoding': 'gzip' } },
      'TRUNCATED',
    ],
    ['a reset connection', { fault: 'reset' }, 'RESET'],
    ['a connection reset in the body', { fault: 'reset-in-body' }, 'RESET'],
    ['no HTTP at all', { fault: 'garbage' }, 'RESET'],
    ['10 MiB without a length', { fault: 'huge' }, 'TOO_LARGE'],
    ['10 MiB with a length', { body: Buffer.alloc(10_485_760, 0x20) }, 'TOO_LARGE'],
    ['fewer bytes than announced', { fault: 'too-short' }, 'TRUNCATED'],
    ['more bytes than announced', { fault: 'too-long', json: [1, 2] }, 'NOT_JSON'],
  ] satisfies [string, FakeTargetAnswer, string][])('%s', async (_what, answer, reason) => {
    expect(await probed(answer)).toBe(reason);
  });

  test('a zip bomb, before it has unfolded', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, 0x20));
    expect(bomb.length).toBeLessThan(100_000);
    const before = process.memoryUsage().arrayBuffers;
    expect(await probed({ body: bomb, headers: { 'Content-Encoding': 'gzip' } })).toBe('TOO_LARGE');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024);
  });

  test('a redirect, and nothing is sent to where it points', async () => {
    await using elsewhere = await startFakeTarget({ json: 'gotcha' });
    for (const status of [301, 302, 303, 305, 307, 308]) {
      target.answerNext({ status, redirectTo: elsewhere.url });
    }
    expect(await probed({ status: 302, redirectTo: '/elsewhere' })).toBe('REDIRECT');
    for (let left = 6; left > 0; left--) {
      expect((await house.probe('cmdb')).failure?.reason).toBe('REDIRECT');
    }
    expect(elsewhere.requests).toEqual([]);
    expect(target.requests).toHaveLength(7);
  });

  test('nobody listening, and no such host', async () => {
    await target[Symbol.asyncDispose]();
    expect(await probed({})).toBe('CONNECT_FAILED');
    await house[Symbol.asyncDispose]();
    house = await openHouse(listed({ cmdb: 'http://no-such-host.invalid/' }));
    expect((await house.probe('cmdb')).failure?.reason).toBe('CONNECT_FAILED');
  });

  test('silence, after the read time-out', async () => {
    const startedAt = performance.now();
    expect(await probed({ fault: 'hang' }, 'read_timeout = 0.3')).toBe('TIMEOUT');
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    target.answer({ fault: 'hang-in-body', json: {} });
    expect((await house.probe('cmdb')).failure?.reason).toBe('TIMEOUT');
  });

  test('a slow drip, after the total time-out, although no wait is long', async () => {
    const drip: FakeTargetAnswer = { fault: 'slow-drip', dripMs: 50, json: 'x'.repeat(1_000) };
    expect(await probed(drip, 'read_timeout = 5\ntotal_timeout = 1')).toBe('TIMEOUT');
    // The target notices that nobody listens any more.
    await waitFor('the connection to be given up', () => target.abandoned === 1);
  });

  test('whose message tells status and cause but no secret', async () => {
    const url = target.url.replace('//', '//user:basic-secret@');
    const body = 'body-secret token-1';
    house = await openHouse(listed({ cmdb: url }));
    for (const answer of [{ status: 503, body }, { body }, { fault: 'reset' }] satisfies FakeTargetAnswer[]) {
      target.answerNext(answer);
      const { failure } = await house.probe('cmdb');
      expect(failure?.message).toMatch(/status 503|is not JSON|ECONNRESET/);
      expect(failure?.message).not.toMatch(/secret|token-1/);
    }
  });
});
