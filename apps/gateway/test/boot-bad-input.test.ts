import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { ADMIN, ALICE, BootHouse, errorOf, ID } from './boot-house.ts';
import { RawConnection } from './raw.ts';

jest.setTimeout(30_000);

const PATH = `/v1/instances/${ID}`;
const MAX = 60_000;

let house: BootHouse;
beforeAll(async () => {
  house = await BootHouse.open({ ini: `[gateway_nova]\nmax_body_bytes = ${MAX}` });
});
afterAll(async () => {
  await house[Symbol.asyncDispose]();
});

describe('a body is refused that is', () => {
  const cases: { it: string; body: string; says: RegExp }[] = [
    { it: 'empty', body: '', says: /is empty; it must be JSON/ },
    { it: 'cut short', body: '{"name":"a"', says: /not valid JSON/ },
    { it: 'no JSON', body: '{"admin_pass":"hunter2" oops', says: /not valid JSON \(at character \d+\)/ },
    { it: 'a form', body: 'name=hunter2', says: /not valid JSON/ },
    { it: 'begun by a mark', body: '\u{FEFF}{"name":"a"}', says: /not valid JSON/ },
  ];

  test.each(cases)('$it', async ({ body, says }) => {
    for (const path of ['/v1/instances', `${PATH}/rebuild`]) {
      const reply = await house.ask({ path, body });
      expect(reply.status).toBe(400);
      expect(errorOf(reply).reason).toBe('BODY_MALFORMED');
      expect(errorOf(reply).message).toMatch(says);
      expect(reply.body).not.toContain('hunter2');
    }
  });

  test('not UTF-8', async () => {
    const reply = await raw(
      'POST /v1/instances',
      ['Content-Type: application/json'],
      Buffer.from('{"name":"\xff"}', 'latin1'),
    );
    expect([reply.status, reply.body]).toEqual([400, expect.stringContaining('is not UTF-8')]);
  });

  test('too large', async () => {
    const reply = await house.ask({ body: { name: 'a', user_data: 'a'.repeat(MAX) } });
    expect(reply.status).toBe(413);
    expect(errorOf(reply).message).toContain('[gateway_nova] max_body_bytes');
  });

  test.each([
    ['content-type', 'text/plain', 'MEDIA_TYPE_UNSUPPORTED'],
    ['content-type', 'application/jsonx', 'MEDIA_TYPE_UNSUPPORTED'],
    ['content-encoding', 'gzip', 'CODING_UNSUPPORTED'],
  ])('sent as %s: %s', async (name, value, reason) => {
    for (const [method, path] of [
      ['POST', '/v1/instances'],
      ['PUT', `${PATH}/metadata`],
      ['POST', `${PATH}/rebuild`],
    ] as const) {
      const reply = await house.ask({ method, path, headers: { [name]: value } });
      expect(reply.status).toBe(415);
      expect(errorOf(reply).reason).toBe(reason);
    }
  });
});

describe('other bodies are refused with', () => {
  test.each([
    { at: 'metadata', method: 'PUT', body: {}, pointer: '/metadata' },
    { at: 'metadata', method: 'PUT', body: { metadata: null }, pointer: '/metadata' },
    { at: 'metadata', method: 'PUT', body: { metadata: {}, x: 1 }, pointer: '/x' },
    { at: 'rebuild', method: 'POST', body: {}, pointer: '/image_id' },
    { at: 'rebuild', method: 'POST', body: { image_id: ID, user_data: 1 }, pointer: '/user_data' },
    { at: 'rebuild', method: 'POST', body: { image_id: ID, keypair: null }, pointer: '/keypair' },
    { at: 'rebuild', method: 'POST', body: { image_id: ID, boot_roles: [] }, pointer: '/boot_roles' },
  ])('$pointer at $at', async ({ at, method, body, pointer }) => {
    const reply = await house.ask({ method, path: `${PATH}/${at}`, body });
    expect(reply.status).toBe(400);
    expect(errorOf(reply).faults?.map((fault) => fault.pointer)).toEqual([pointer]);
  });
});

describe('a list is refused with', () => {
  test.each([
    { query: 'limit=0', says: /\/limit must be at least 1/ },
    { query: 'limit=1001', says: /\/limit must be at most 1000/ },
    { query: 'limit=ten', says: /\/limit must be a whole number/ },
    { query: 'limit=1.5', says: /\/limit must be a whole number/ },
    { query: 'limit=', says: /\/limit must be a whole number/ },
    { query: 'limit=1&limit=2', says: /\/limit must be given only once/ },
    { query: 'marker=x', says: /\/marker must be a UUID/ },
    { query: 'status=active', says: /\/status must be one of BUILD, ACTIVE, ERROR/ },
    { query: 'status=DELETED', says: /\/status must be one of/ },
    { query: 'all_projects=maybe', says: /\/all_projects must be true or false/ },
    { query: 'project_id=p2', says: /\/project_id is not known here/ },
    { query: '__proto__=1', says: /\/__proto__ is not known here/ },
  ])('$query', async ({ query, says }) => {
    const reply = await house.ask({ method: 'GET', path: `/v1/instances?${query}`, token: ADMIN });
    expect(reply.status).toBe(400);
    expect(errorOf(reply).message).toMatch(says);
  });
});

describe('a request is refused', () => {
  const cases: {
    it: string;
    method: string;
    path: string;
    status: number;
    reason: string;
    allow?: string;
  }[] = [
    {
      it: 'PATCH of the list',
      method: 'PATCH',
      path: '/v1/instances',
      status: 405,
      reason: 'METHOD_NOT_ALLOWED',
      allow: 'POST, GET, HEAD',
    },
    {
      it: 'DELETE of the list',
      method: 'DELETE',
      path: '/v1/instances?limit=1',
      status: 405,
      reason: 'METHOD_NOT_ALLOWED',
      allow: 'POST, GET, HEAD',
    },
    {
      it: 'POST of an instance',
      method: 'POST',
      path: PATH,
      status: 405,
      reason: 'METHOD_NOT_ALLOWED',
      allow: 'GET, HEAD, DELETE',
    },
    {
      it: 'GET of a rebuild',
      method: 'GET',
      path: `${PATH}/rebuild`,
      status: 405,
      reason: 'METHOD_NOT_ALLOWED',
      allow: 'POST',
    },
    {
      it: 'GET of metadata',
      method: 'GET',
      path: `${PATH}/metadata`,
      status: 405,
      reason: 'METHOD_NOT_ALLOWED',
      allow: 'PUT',
    },
    {
      it: 'PUT of a drive',
      method: 'PUT',
      path: `${PATH}/config-drive`,
      status: 405,
      reason: 'METHOD_NOT_ALLOWED',
      allow: 'GET, HEAD',
    },
    {
      it: 'POST of the document',
      method: 'POST',
      path: '/openapi.json',
      status: 405,
      reason: 'METHOD_NOT_ALLOWED',
      allow: 'GET, HEAD',
    },
    {
      it: 'something below an instance',
      method: 'GET',
      path: `${PATH}/console`,
      status: 404,
      reason: 'PATH_UNKNOWN',
    },
    { it: 'another version', method: 'GET', path: '/v2/instances', status: 404, reason: 'PATH_UNKNOWN' },
    {
      it: 'an instance of no id',
      method: 'GET',
      path: '/v1/instances/mail-1',
      status: 404,
      reason: 'INSTANCE_UNKNOWN',
    },
    {
      it: 'an instance of no id at all',
      method: 'GET',
      path: '/v1/instances/',
      status: 404,
      reason: 'INSTANCE_UNKNOWN',
    },
    {
      it: 'a path that climbs',
      method: 'GET',
      path: '/v1/instances/..%2f..%2fopenapi.json',
      status: 404,
      reason: 'INSTANCE_UNKNOWN',
    },
    {
      it: 'a path that is none',
      method: 'GET',
      path: '/v1/instances/%zz',
      status: 400,
      reason: 'PATH_MALFORMED',
    },
  ];

  test.each(cases)('$it', async ({ method, path, status, reason, allow }) => {
    const reply = await house.ask({ method, path });
    expect(reply.status).toBe(status);
    expect(errorOf(reply).reason).toBe(reason);
    expect(reply.headers['allow']).toBe(allow);
  });

  test.each([
    ['', 400],
    ['k'.repeat(256), 400],
    ['two words', 400],
  ])('with the Idempotency-Key %j', async (key, status) => {
    const reply = await house.ask({ headers: { 'idempotency-key': key } });
    expect(reply.status).toBe(status);
    expect(errorOf(reply).reason).toBe('IDEMPOTENCY_KEY_INVALID');
  });

  test('with two Idempotency-Keys', async () => {
    const reply = await raw(
      'POST /v1/instances',
      ['Idempotency-Key: a', 'Idempotency-Key: b'],
      Buffer.from('{"name":"a"}'),
    );
    expect([reply.status, reply.body]).toEqual([400, expect.stringContaining('must be sent once')]);
  });

  test.each([null, ''])('with the token %j', async (token) => {
    const reply = await house.ask({ token });
    expect(reply.status).toBe(401);
    expect(reply.headers['www-authenticate']).toBe('Keystone uri="https://keystone.example.test/v3"');
    expect(errorOf(reply).reason).toBe('TOKEN_MISSING');
  });
});

async function raw(line: string, headers: string[], body: Buffer) {
  using connection = await RawConnection.open(house.house.address);
  const head = [
    `${line} HTTP/1.1`,
    'Host: x',
    `X-Auth-Token: ${ALICE}`,
    `Content-Length: ${body.length}`,
    ...headers,
  ];
  connection.send(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]));
  return await connection.reply();
}
