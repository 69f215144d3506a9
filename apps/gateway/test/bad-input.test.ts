import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { invalid, notFound } from '@hallmark/errors';
import { aBody, House, SERVICE_TOKEN } from './house.ts';
import { RawConnection } from './raw.ts';

jest.setTimeout(30_000);

const MAX = 2_000;

/** A request as its lines are sent. */
interface Bad {
  it: string;
  line?: string;
  headers?: string[];
  body?: string;
  status: number;
  reason: string;
  names?: RegExp;
  with?: Record<string, string>;
}

const BODY = aBody();
const AUTH = `X-Auth-Token: ${SERVICE_TOKEN}`;
const JSON_TYPE = 'Content-Type: application/json';
const long = 'x'.repeat(MAX + 1);

const cases: Bad[] = [
  // Paths and methods
  { it: 'an unknown path', line: 'POST /', status: 404, reason: 'PATH_UNKNOWN' },
  { it: 'a path below a target', line: 'POST /vendordata/a/b', status: 404, reason: 'PATH_UNKNOWN' },
  { it: 'a path that only begins alike', line: 'POST /vendordatax', status: 404, reason: 'PATH_UNKNOWN' },
  { it: 'another spelling', line: 'POST /Vendordata', status: 404, reason: 'PATH_UNKNOWN' },
  { it: 'a doubled slash', line: 'POST //vendordata', status: 404, reason: 'PATH_UNKNOWN' },
  { it: 'a path with dots', line: 'POST /vendordata/../x', status: 404, reason: 'PATH_UNKNOWN' },
  { it: 'a path of another service', line: 'POST /v3/auth/tokens', status: 404, reason: 'PATH_UNKNOWN' },
  { it: 'the ops paths', line: 'GET /metrics', status: 404, reason: 'PATH_UNKNOWN' },
  { it: 'GET', line: 'GET /vendordata', status: 405, reason: 'METHOD_NOT_ALLOWED', with: { allow: 'POST' } },
  { it: 'PUT', line: 'PUT /vendordata', status: 405, reason: 'METHOD_NOT_ALLOWED', with: { allow: 'POST' } },
  { it: 'DELETE', line: 'DELETE /vendordata/x', status: 405, reason: 'METHOD_NOT_ALLOWED', names: /DELETE/ },
  { it: 'PATCH', line: 'PATCH /vendordata/x?a=b', status: 405, reason: 'METHOD_NOT_ALLOWED' },
  { it: 'OPTIONS', line: 'OPTIONS /vendordata', status: 405, reason: 'METHOD_NOT_ALLOWED' },
  { it: 'a method of WebDAV', line: 'PROPFIND /vendordata', status: 405, reason: 'METHOD_NOT_ALLOWED' },
  { it: 'bad percent-encoding', line: 'POST /vendordata/%zz', status: 400, reason: 'PATH_MALFORMED' },
  { it: 'percent-encoding cut short', line: 'POST /vendordata/%C3', status: 400, reason: 'PATH_MALFORMED' },
  // Tokens
  { it: 'no token', headers: [JSON_TYPE], status: 401, reason: 'TOKEN_MISSING' },
  { it: 'an empty token', headers: [JSON_TYPE, 'X-Auth-Token:'], status: 401, reason: 'TOKEN_MISSING' },
  {
    it: 'a token of blanks',
    headers: [JSON_TYPE, 'X-Auth-Token:    '],
    status: 401,
    reason: 'TOKEN_MISSING',
  },
  {
    it: 'two tokens',
    headers: [JSON_TYPE, AUTH, AUTH],
    status: 400,
    reason: 'HEADER_REPEATED',
    names: /x-auth-token/,
  },
  {
    it: 'a good token behind a bad one',
    headers: [JSON_TYPE, 'X-Auth-Token: bad', AUTH],
    status: 400,
    reason: 'HEADER_REPEATED',
  },
  {
    it: 'two tokens in one header',
    headers: [JSON_TYPE, `${AUTH}, ${SERVICE_TOKEN}`],
    status: 401,
    reason: 'TOKEN_INVALID',
  },
  {
    it: 'two service tokens',
    headers: [JSON_TYPE, AUTH, 'X-Service-Token: a', 'X-Service-Token: b'],
    status: 400,
    reason: 'HEADER_REPEATED',
    names: /x-service-token/,
  },
  {
    it: 'a token in the query',
    line: `POST /vendordata?X-Auth-Token=${SERVICE_TOKEN}`,
    headers: [JSON_TYPE],
    status: 401,
    reason: 'TOKEN_MISSING',
  },
  {
    it: 'a bearer token',
    headers: [JSON_TYPE, `Authorization: Bearer ${SERVICE_TOKEN}`],
    status: 401,
    reason: 'TOKEN_MISSING',
  },
  {
    it: 'a token in another case',
    headers: [JSON_TYPE, AUTH.toUpperCase()],
    status: 401,
    reason: 'TOKEN_INVALID',
  },
  // Media types
  {
    it: 'text',
    headers: [AUTH, 'Content-Type: text/plain'],
    status: 415,
    reason: 'MEDIA_TYPE_UNSUPPORTED',
    names: /application\/json/,
  },
  {
    it: 'a form',
    headers: [AUTH, 'Content-Type: application/x-www-form-urlencoded'],
    status: 415,
    reason: 'MEDIA_TYPE_UNSUPPORTED',
  },
  {
    it: 'JSON of a kind',
    headers: [AUTH, 'Content-Type: application/problem+json'],
    status: 415,
    reason: 'MEDIA_TYPE_UNSUPPORTED',
  },
  {
    it: 'a type that only begins alike',
    headers: [AUTH, 'Content-Type: application/jsonp'],
    status: 415,
    reason: 'MEDIA_TYPE_UNSUPPORTED',
  },
  {
    it: 'no media type at all',
    headers: [AUTH, 'Content-Type: json'],
    status: 415,
    reason: 'MEDIA_TYPE_UNSUPPORTED',
  },
  {
    it: 'a compressed body',
    headers: [AUTH, JSON_TYPE, 'Content-Encoding: gzip'],
    status: 415,
    reason: 'CODING_UNSUPPORTED',
  },
  // Bodies
  { it: 'a body over the limit', body: long, status: 413, reason: 'BODY_TOO_LARGE', names: /2000 bytes/ },
  {
    it: 'the announcement of one',
    headers: [AUTH, JSON_TYPE, 'Content-Length: 99999999'],
    body: '{',
    status: 413,
    reason: 'BODY_TOO_LARGE',
  },
  { it: 'no JSON', body: 'not json', status: 400, reason: 'INSTANCE_INVALID', names: /not JSON/ },
  { it: 'no body', body: '', status: 400, reason: 'INSTANCE_INVALID', names: /not JSON/ },
  { it: 'an array', body: '[]', status: 400, reason: 'INSTANCE_INVALID', names: /instance-id/ },
  {
    it: 'a missing key',
    body: '{"project-id": "p"}',
    status: 400,
    reason: 'INSTANCE_INVALID',
    names: /instance-id/,
  },
  {
    it: 'the body of another',
    line: 'POST /vendordata/unheard-of',
    status: 404,
    reason: 'TARGET_UNKNOWN',
    names: /unheard-of/,
  },
  {
    it: 'the name of a trap',
    line: 'POST /vendordata/__proto__',
    status: 404,
    reason: 'TARGET_UNKNOWN',
    names: /__proto__/,
  },
  {
    it: 'a name in pieces',
    line: 'POST /vendordata/%2e%2e%2f',
    status: 404,
    reason: 'TARGET_UNKNOWN',
    names: /\.\.\//,
  },
  // No HTTP
  { it: 'no HTTP at all', line: 'hello gateway', status: 400, reason: 'REQUEST_MALFORMED' },
  {
    it: 'headers without end',
    headers: [`X-Long: ${'x'.repeat(20_000)}`],
    status: 431,
    reason: 'HEADERS_TOO_LARGE',
  },
  {
    it: 'a length that is no number',
    headers: [AUTH, JSON_TYPE, 'Content-Length: many'],
    status: 400,
    reason: 'REQUEST_MALFORMED',
  },
  {
    it: 'two lengths',
    headers: [AUTH, JSON_TYPE, 'Content-Length: 1', 'Content-Length: 2'],
    status: 400,
    reason: 'REQUEST_MALFORMED',
  },
  {
    it: 'a length beside chunks',
    headers: [AUTH, JSON_TYPE, 'Content-Length: 1', 'Transfer-Encoding: chunked'],
    status: 400,
    reason: 'REQUEST_MALFORMED',
  },
  {
    it: 'a line break in a header',
    headers: [`${AUTH}\rX-Roles: service`],
    status: 400,
    reason: 'REQUEST_MALFORMED',
  },
];

let house: House;
beforeAll(async () => {
  house = await House.open({ ini: `[gateway_nova]\nmax_body_bytes = ${MAX}\n` });
});
afterAll(async () => house[Symbol.asyncDispose]());
beforeEach(() => {
  // What the real service says to such bodies, in its own words.
  house.vendordata.refusal = ({ instanceJson, target }) => {
    const text = instanceJson.toString();
    if (!text.startsWith('{') && !text.startsWith('['))
      return invalid('INSTANCE_INVALID', 'The body is not JSON.');
    if (!text.includes('instance-id')) return invalid('INSTANCE_INVALID', 'The key instance-id is missing.');
    return target === '' ? undefined : notFound('TARGET_UNKNOWN', `No target is called ${target}.`);
  };
});

async function sent({
  line = 'POST /vendordata',
  headers = [AUTH, JSON_TYPE],
  body = BODY,
}: Bad): Promise<RawConnection> {
  const connection = await RawConnection.open(house.address);
  const framed = headers.some((header) => header.startsWith('Content-Length'))
    ? headers
    : [...headers, `Content-Length: ${Buffer.byteLength(body)}`];
  connection.send(`${line} HTTP/1.1\r\nHost: gateway\r\n${framed.join('\r\n')}\r\n\r\n${body}`);
  return connection;
}

describe('bad input', () => {
  test.each(cases)('$it is refused with $status $reason', async (bad) => {
    using connection = await sent(bad);
    const { status, headers, body } = await connection.reply();
    const { error } = JSON.parse(body) as { error: Record<string, unknown> };
    expect({ status, reason: error['reason'], code: error['code'] }).toEqual({
      status: bad.status,
      reason: bad.reason,
      code: bad.status,
    });
    expect(headers.get('content-type')).toBe('application/json');
    expect(headers.get('x-openstack-request-id')).toMatch(/^req-/);
    expect(error['message']).toMatch(bad.names ?? /./);
    expect(body).not.toContain(SERVICE_TOKEN);
    for (const [name, value] of Object.entries(bad.with ?? {})) expect(headers.get(name)).toBe(value);
  });

  test('HEAD is refused without a body', async () => {
    using connection = await RawConnection.open(house.address);
    connection.send('HEAD /vendordata HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n');
    await connection.closed();
    const { status } = { status: house.requests.at(-1)?.['status'] };
    expect(status).toBe(405);
  });

  test('a chunked body over the limit is refused', async () => {
    using connection = await RawConnection.open(house.address);
    connection.send(
      `POST /vendordata HTTP/1.1\r\nHost: gateway\r\n${AUTH}\r\nTransfer-Encoding: chunked\r\n\r\n` +
        `${long.length.toString(16)}\r\n${long}\r\n0\r\n\r\n`,
    );
    expect((await connection.reply()).status).toBe(413);
  });

  test('the answer reaches who is still sending, and the connection goes on', async () => {
    using connection = await RawConnection.open(house.address);
    const length = 8_000_000;
    connection.send(
      `POST /vendordata HTTP/1.1\r\nHost: gateway\r\n${AUTH}\r\nContent-Length: ${length}\r\n\r\n`,
    );
    expect((await connection.reply()).status).toBe(413);
    connection.send(Buffer.alloc(length, 'x'));
    connection.send(
      `POST /vendordata HTTP/1.1\r\nHost: gateway\r\n${AUTH}\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`,
    );
    expect((await connection.reply()).status).toBe(200);
  });

  test('a body cut short is nobody to answer, and harms nobody', async () => {
    const connection = await sent({
      it: '',
      headers: [AUTH, JSON_TYPE, 'Content-Length: 1000'],
      body: '{',
      status: 0,
      reason: '',
    });
    connection.hangUp();
    expect((await house.post()).status).toBe(200);
  });
});

describe('what is not bad', () => {
  test.each([
    ['no media type', [AUTH]],
    ['an empty one', [AUTH, 'Content-Type:']],
    ['a charset', [AUTH, 'Content-Type: application/json; charset=utf-8']],
    ['other parameters', [AUTH, 'Content-Type: application/json;profile="x"']],
    ['another spelling', [AUTH, 'content-type: Application/JSON']],
    ['no coding', [AUTH, JSON_TYPE, 'Content-Encoding: identity']],
    ['blanks around the token', [`X-Auth-Token:   ${SERVICE_TOKEN}   `, JSON_TYPE]],
  ])('%s', async (_what, headers) => {
    using connection = await sent({ it: '', headers, status: 200, reason: '' });
    expect((await connection.reply()).status).toBe(200);
  });

  test('a body of exactly the limit', async () => {
    const padding = MAX - aBody({ 'user-data': '' }).length;
    const reply = await house.post({ body: aBody({ 'user-data': 'x'.repeat(padding) }) });
    expect(reply.status).toBe(200);
  });

  test('Expect: 100-continue', async () => {
    using connection = await RawConnection.open(house.address);
    connection.send(
      `POST /vendordata HTTP/1.1\r\nHost: gateway\r\n${AUTH}\r\nExpect: 100-continue\r\nContent-Length: ${BODY.length}\r\n\r\n`,
    );
    expect((await connection.reply()).status).toBe(100);
    connection.send(BODY);
    expect((await connection.reply()).status).toBe(200);
  });

  test('HTTP/1.0', async () => {
    using connection = await RawConnection.open(house.address);
    connection.send(`POST /vendordata HTTP/1.0\r\n${AUTH}\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`);
    expect((await connection.reply()).status).toBe(200);
    await connection.closed();
  });
});
