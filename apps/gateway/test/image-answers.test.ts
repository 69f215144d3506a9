import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { HallmarkError, type ErrorCode } from '@hallmark/errors';
import { ConfigError, parseConfig, testContext } from '@hallmark/runtime';
import { waitFor } from '@hallmark/testing';
import { startGateway } from '../src/index.ts';
import { aCaller } from './fake-identity.ts';
import { IMAGE, TASK } from './fake-images.ts';
import { ADMIN, ALICE, ALICE_ID, ImageHouse, PROJECT } from './image-house.ts';
import { RawConnection } from './raw.ts';

jest.setTimeout(60_000);

const ONE = `/v2/images/${IMAGE}`;
const CALLER = {
  userId: ALICE_ID,
  projectId: PROJECT,
  roles: ['Member', 'a,b', 'reader'],
  serviceRoles: [],
  systemScope: false,
};

let house: ImageHouse;
beforeAll(async () => {
  house = await ImageHouse.open();
});
afterAll(async () => {
  await house[Symbol.asyncDispose]();
});
beforeEach(() => {
  house.images.reset();
  house.images.created = { importMethods: ['glance-direct'], storeIds: [], ignoredProperties: [] };
});

/** Every operation: what images is asked, and what the client is told. */
const OPERATIONS = [
  ['POST', '/v2/images', '{"a": "ä"}', 'createImage', {}, 201],
  ['GET', '/v2/images?name=in:a%2Cb&limit=2', '', 'listImages', { query: 'name=in:a%2Cb&limit=2' }, 200],
  ['GET', ONE, '', 'getImage', { id: IMAGE }, 200],
  ['PATCH', ONE, '[]', 'updateImage', { id: IMAGE, mediaType: 'application/x-any' }, 200],
  ['DELETE', ONE, '', 'deleteImage', { id: IMAGE }, 204],
  ['POST', `${ONE}/actions/deactivate`, '', 'deactivateImage', { id: IMAGE }, 204],
  ['POST', `${ONE}/actions/reactivate`, '', 'reactivateImage', { id: IMAGE }, 204],
  ['PUT', `${ONE}/tags/a%2Fb%20%C3%A4`, '', 'addTag', { id: IMAGE, tag: 'a/b ä' }, 204],
  ['DELETE', `${ONE}/tags/x`, '', 'removeTag', { id: IMAGE, tag: 'x' }, 204],
  ['GET', `${ONE}/members`, '', 'listMembers', { id: IMAGE }, 200],
  ['POST', `${ONE}/members`, '{"member": "p"}', 'createMember', { id: IMAGE }, 200],
  ['GET', `${ONE}/members/p2`, '', 'getMember', { id: IMAGE, memberId: 'p2' }, 200],
  ['PUT', `${ONE}/members/p2`, '{}', 'updateMember', { id: IMAGE, memberId: 'p2' }, 200],
  ['DELETE', `${ONE}/members/p2`, '', 'deleteMember', { id: IMAGE, memberId: 'p2' }, 204],
  ['POST', `${ONE}/import`, '{"method": {}}', 'importImage', { id: IMAGE, storeId: 'slow' }, 202],
  ['GET', `${ONE}/tasks`, '', 'listImageTasks', { id: IMAGE }, 200],
  ['GET', '/v2/tasks?limit=2', '', 'listTasks', { query: 'limit=2' }, 200],
  ['GET', `/v2/tasks/${TASK}`, '', 'getTask', { id: TASK }, 200],
  ['POST', `/v2/tasks/${TASK}/actions/cancel`, '', 'cancelTask', { id: TASK }, 202],
  ['DELETE', `/v2/stores/slow/${IMAGE}`, '', 'deleteFromStore', { id: IMAGE, storeId: 'slow' }, 204],
  ['GET', '/v2/schemas/image', '', 'getSchema', { name: 'image' }, 200],
  ['GET', '/v2/info/import', '', 'getImportInfo', {}, 200],
  ['GET', '/v2/info/stores', '', 'listStores', { detail: false }, 200],
  ['GET', '/v2/info/stores/detail', '', 'listStores', { detail: true }, 200],
  ['GET', '/v2/info/usage', '', 'getUsage', {}, 200],
] as const;

describe('each operation', () => {
  test.each(OPERATIONS)('%s %s', async (method, path, body, rpc, request, status) => {
    const headers = { 'content-type': 'application/x-any', 'x-image-meta-store': 'slow' };
    const reply = await house.ask({ method, path, headers, ...(body === '' ? {} : { body }) });
    expect(reply.status).toBe(status);
    const call = house.images.call(rpc);
    expect(call?.request).toMatchObject(request);
    if (body !== '') expect(String(call?.request['body'])).toBe(body);
    if (!['getSchema', 'getImportInfo'].includes(rpc)) expect(call?.request['caller']).toEqual(CALLER);
    expect(reply.headers['x-openstack-request-id']).toBe(call?.requestId);
    expect(call?.remainingMs).toBeGreaterThan(25_000);
    const [type, length] = [reply.headers['content-type'], reply.headers['content-length']];
    if (status === 204 || rpc === 'importImage') {
      expect([reply.body, type]).toEqual(['', 'text/html; charset=UTF-8']);
    } else {
      expect([type, length]).toEqual(['application/json', String(Buffer.byteLength(reply.body))]);
    }
    await waitFor('the line', () => house.lastLine['requestId'] === call?.requestId);
    expect(house.lastLine).toMatchObject({ status, method, userId: ALICE_ID, path: path.split('?')[0] });
  });

  test('the roles of a service token come apart from the user’s', async () => {
    house.house.identity.callers.set('gAAAAABnova', aCaller({ roles: ['service', 'admin'] }));
    await house.ask({ headers: { 'x-service-token': 'gAAAAABnova' } });
    const caller = house.images.call('listImages')?.request['caller'];
    expect(caller).toEqual({ ...CALLER, serviceRoles: ['service', 'admin'] });
  });

  test('claims of identity in headers count for nothing', async () => {
    const headers = {
      'x-roles': 'admin',
      'x-project-id': 'p0',
      x_user_id: 'root',
      'x-identity-status': 'Confirmed',
    };
    await house.ask({ headers });
    expect(house.images.call('listImages')?.request['caller']).toEqual(CALLER);
    expect((await house.ask({ headers, token: null })).status).toBe(401);
  });

  test('a create says where it is, how it can be imported, where to, and what was ignored', async () => {
    house.images.created = {
      importMethods: ['glance-direct', 'copy-image'],
      storeIds: ['fast', 'slow'],
      ignoredProperties: ['trait:X', 'b,c'],
    };
    const { headers } = await house.ask({
      method: 'POST',
      body: '{}',
      headers: { host: 'img.example:9292' },
    });
    expect(headers).toMatchObject({
      location: `http://img.example:9292${ONE}`,
      'openstack-image-import-methods': 'glance-direct,copy-image',
      'openstack-image-store-ids': 'fast,slow',
      'hallmark-ignored-properties': 'trait%3AX,b%2Cc',
    });
    house.images.created = { importMethods: [], storeIds: [], ignoredProperties: [] };
    const bare = (await house.ask({ method: 'POST', body: '{}' })).headers;
    for (const name of [
      'openstack-image-import-methods',
      'openstack-image-store-ids',
      'hallmark-ignored-properties',
    ])
      expect(bare[name]).toBeUndefined();
  });

  test('a cancelled task is told of', async () => {
    const reply = await house.ask({ method: 'POST', path: `/v2/tasks/${TASK}/actions/cancel`, token: ADMIN });
    expect(JSON.parse(reply.body)).toEqual({
      id: TASK,
      status: 'failure',
      reason: 'CANCELLED',
      bytes_done: 7,
      bytes_total: null,
      self: `/v2/tasks/${TASK}`,
    });
  });
});

describe('request ids', () => {
  const idFor = async (given: string) =>
    (await house.ask({ headers: { 'x-openstack-request-id': given } })).headers['x-openstack-request-id'];

  test.each([
    ['abc', 'req-abc'],
    ['req-abc', 'req-abc'],
    ['x'.repeat(60), `req-${'x'.repeat(60)}`],
    ['req-2ae914e9-f5ab-44ce-b2a2-dcf8373d899d', 'req-2ae914e9-f5ab-44ce-b2a2-dcf8373d899d'],
  ])('%s becomes %s', async (given, id) => {
    expect(await idFor(given)).toBe(id);
    expect(house.images.call('listImages')?.requestId).toBe(id);
  });

  test('of other characters are replaced', async () => {
    expect(await idFor('a b;c')).toMatch(/^req-[-0-9a-f]{36}$/);
  });

  test('of 65 characters are refused', async () => {
    const reply = await house.ask({ headers: { 'x-openstack-request-id': 'x'.repeat(65) } });
    expect([reply.status, reply.body]).toEqual([
      431,
      '431 Request Header Fields Too Large\n\nx-openstack-request-id is too long, max size 64\n\n   ',
    ]);
  });
});

describe('versions', () => {
  test.each([
    { path: '/', status: 300 },
    { path: '/versions', status: 200 },
    { path: '/versions/', status: 200 },
    { path: '/v1/images', status: 300 },
    { path: '/v2.99/images', status: 300 },
    { path: '/images', status: 300 },
    { path: '/images', accept: 'application/vnd.openstack.images-v2.99', status: 300 },
  ])('$path with Accept $accept is answered with the document', async ({ path, accept, status }) => {
    const headers: Record<string, string> = { host: 'img.example', ...(accept && { accept }) };
    const reply = await house.ask({ path, token: null, headers });
    expect([reply.status, reply.headers['content-type']]).toEqual([status, 'application/json']);
    expect(reply.body).toContain('"http://img.example/v2/"');
  });

  test.each([
    { path: '/v2.15/images' },
    { path: '/v2.0/images' },
    { path: '/v2//images' },
    { path: '/images', accept: 'application/vnd.openstack.images-v2' },
    { path: '/images', accept: 'application/vnd.openstack.images-v2.15' },
  ])('$path with Accept $accept is the API', async ({ path, accept }) => {
    const reply = await house.ask({ path, headers: accept === undefined ? {} : { accept } });
    expect([reply.status, reply.body]).toEqual([200, '{"images":[]}']);
  });

  test('begin their links with the public endpoint where there is one', async () => {
    await using other = await ImageHouse.open({ ini: '[DEFAULT]\npublic_endpoint = https://img.example/\n' });
    expect((await other.ask({ path: '/', token: null })).body).toContain('"https://img.example/v2/"');
  });

  test('the version alone has its slash at another address', async () => {
    const reply = await house.ask({ path: '/v2' });
    expect([reply.status, reply.headers['location']]).toEqual([302, `http://${house.address}/v2/`]);
  });

  test.each(['/v2/', '/v2/images/', '/v2/images/x/y', `${ONE}/`, '/v2/stores', '/v2/metadefs/namespaces'])(
    'nothing is at %s',
    async (path) => {
      const reply = await house.ask({ path });
      expect([reply.status, reply.body]).toEqual([
        404,
        '404 Not Found\n\nThe resource could not be found.\n\n   ',
      ]);
    },
  );

  test('a path that is no UTF-8 is refused', async () => {
    expect((await house.ask({ path: `${ONE}/tags/%ff` })).status).toBe(400);
  });
});

describe('methods and bodies', () => {
  test.each([
    ['HEAD', '/v2/images', 'GET, POST'],
    ['PUT', ONE, 'GET, PATCH, DELETE'],
    ['GET', `${ONE}/tags/x`, 'PUT, DELETE'],
    ['HEAD', `${ONE}/file`, 'GET, PUT'],
    ['TRACE', `${ONE}/members`, 'GET, POST'],
    ['POST', `${ONE}/members/p`, 'GET, PUT, DELETE'],
    ['GET', `${ONE}/stage`, 'PUT'],
  ])('%s %s allows %s', async (method, path, allow) => {
    const reply = await house.ask({ method, path });
    expect([reply.status, reply.headers['allow']]).toEqual([405, allow]);
    expect(house.images.calls).toEqual([]);
  });

  test('OPTIONS is answered to anybody', async () => {
    const reply = await house.ask({ method: 'OPTIONS', token: null });
    expect([reply.status, reply.body, reply.headers['content-length']]).toEqual([200, '', '0']);
  });

  test.each([
    ['GET', ONE],
    ['DELETE', ONE],
    ['GET', `${ONE}/file`],
    ['GET', `${ONE}/tasks`],
    ['POST', `${ONE}/actions/deactivate`],
    ['PUT', `${ONE}/tags/x`],
    ['GET', '/v2/schemas/image'],
    ['GET', '/v2/info/stores'],
  ])('%s %s takes no body', async (method, path) => {
    const reply = await house.ask({ method, path, body: '{}' });
    expect([reply.status, reply.body]).toEqual([
      400,
      '400 Bad Request\n\nA body is not expected with this request.\n\n   ',
    ]);
    expect(house.images.calls).toEqual([]);
  });

  test('a body that is no image has a limit', async () => {
    await using other = await ImageHouse.open({ ini: '[gateway_image]\nmax_body_bytes = 100\n' });
    for (const headers of [{}, { 'transfer-encoding': 'chunked' }] as Record<string, string>[]) {
      const reply = await other.ask({ method: 'POST', headers, body: 'x'.repeat(5_000) });
      expect([reply.status, other.lastLine['reason']]).toEqual([413, 'BODY_TOO_LARGE']);
    }
  });

  test('a body that is no image has its time', async () => {
    await using other = await ImageHouse.open({ ini: '[gateway_image]\ntimeout = 0.5\n' });
    using connection = await RawConnection.open(other.address);
    connection.send(
      `POST /v2/images HTTP/1.1\r\nHost: h\r\nX-Auth-Token: ${ALICE}\r\nContent-Length: 9\r\n\r\n{`,
    );
    expect((await connection.reply()).status).toBe(408);
  });
});

/** The table of the contract: reason, code, status. */
const REASONS: readonly (readonly [
  string,
  ErrorCode,
  number,
  'explanation' | 'detail' | 'template' | 'data',
])[] = [
  ['ANY', 'invalid', 400, 'explanation'],
  ['ANY', 'forbidden', 403, 'explanation'],
  ['ANY', 'not-found', 404, 'explanation'],
  ['ANY', 'conflict', 409, 'explanation'],
  ['ANY', 'not-ready', 409, 'explanation'],
  ['ANY', 'over-quota', 413, 'explanation'],
  ['ANY', 'unavailable', 503, 'explanation'],
  ['ANY', 'timeout', 504, 'explanation'],
  ['MEDIA_TYPE_UNSUPPORTED', 'invalid', 415, 'template'],
  ['PATCH_MEDIA_TYPE_UNSUPPORTED', 'invalid', 415, 'template'],
  ['CONTENT_MISMATCH', 'invalid', 415, 'data'],
  ['CONTENT_UNSAFE', 'invalid', 415, 'data'],
  ['RANGE_INVALID', 'invalid', 416, 'detail'],
  ['IMAGE_VANISHED', 'not-found', 410, 'explanation'],
  ['NAME_RESERVED', 'forbidden', 403, 'detail'],
  ['OWNER_FORBIDDEN', 'forbidden', 403, 'detail'],
  ['OWNER_KEPT', 'forbidden', 403, 'detail'],
  ['BASE_ATTRIBUTE_KEPT', 'forbidden', 403, 'detail'],
  ['PROPERTY_EXISTS', 'conflict', 409, 'detail'],
  ['PROPERTY_UNKNOWN', 'conflict', 409, 'detail'],
];
const GENERAL: Readonly<Record<number, string>> = {
  403: 'Access was denied to this resource.',
  409: 'There was a conflict when trying to complete your request.',
  416: 'The Range requested is not available.',
};
const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  410: 'Gone',
  413: 'Request Entity Too Large',
  415: 'Unsupported Media Type',
  416: 'Request Range Not Satisfiable',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};
const OCTETS_UNSUPPORTED = 'The request media type application/octet-stream is not supported by this server.';
const SAID = "It's <b>\u00e4 & \u{1F4BF}</b>";
const ESCAPED = 'It&#x27;s &lt;b&gt;&#228; &amp; &#128191;&lt;/b&gt;';
const ASCII = "It's <b>\\u00e4 & \\ud83d\\udcbf</b>";

describe('a failure with', () => {
  test.each(REASONS)('%s of code %s is %i, its message the %s', async (reason, code, status, place) => {
    house.images.failures.set('updateImage', new HallmarkError(code, reason, SAID));
    const ask = async (headers: Record<string, string>) =>
      house.ask({ method: 'PATCH', path: ONE, body: '[]', headers });
    const line = `${status} ${TITLES[status]}`;
    const text = await ask({});
    expect([text.status, text.headers['content-type']]).toEqual([status, 'text/plain; charset=UTF-8']);
    const plain = {
      explanation: `It's ä & \u{1F4BF}\n\n   `,
      detail: `${GENERAL[status]}\n\n It's ä & \u{1F4BF}  `,
      template: `It's ä & \u{1F4BF} \n\n `,
      data: `${OCTETS_UNSUPPORTED} \n\n It's ä & \u{1F4BF}`,
    };
    expect(text.body).toBe(`${line}\n\n${plain[place]}`);

    const markup = (said: string) =>
      ({
        explanation: `${said}<br /><br />\n\n\n`,
        detail: `${GENERAL[status]}<br /><br />\n${said}\n\n`,
        template: `${said}\n<br /><br />\n`,
        data: `${OCTETS_UNSUPPORTED}\n<br /><br />\n${said}`,
      })[place];
    for (const accept of ['*/*', 'text/html', 'application/json, */*', 'application/json;q=0.5, text/html']) {
      const html = await ask({ accept });
      expect(html.headers['content-type']).toBe('text/html; charset=UTF-8');
      expect(html.body).toBe(
        `<html>\n <head>\n  <title>${line}</title>\n </head>\n <body>\n  <h1>${line}</h1>\n  ${markup(ESCAPED)}\n </body>\n</html>`,
      );
    }
    const json = await ask({ accept: 'application/json' });
    expect(json.headers['content-type']).toBe('application/json');
    expect(json.body).toBe(
      `{"message": "${markup(ASCII).replaceAll('\n', '\\n')}", "code": "${line}", "title": "${TITLES[status]}"}`,
    );
    const patch =
      'application/openstack-images-v2.0-json-patch, application/openstack-images-v2.1-json-patch';
    expect(json.headers['accept-patch']).toBe(reason.startsWith('PATCH') ? patch : undefined);
    expect(json.headers['retry-after']).toBe(status === 503 ? '5' : undefined);
  });

  test('what nobody expected says nothing, and is logged', async () => {
    house.images.failures.set('listImages', new Error('postgres://secret'));
    const { status, body } = await house.ask();
    expect([status, body]).toEqual([
      500,
      '500 Internal Server Error\n\nThe server has either erred or is incapable of performing the requested operation.\n\n   ',
    ]);
    expect(house.lastLine).toMatchObject({ level: 'error', reason: 'INTERNAL' });
  });

  test('a dead images service is an outage, and so is a dead identity', async () => {
    await using other = await ImageHouse.open();
    await other.images[Symbol.asyncDispose]();
    expect((await other.ask()).status).toBe(503);
    other.house.identity.failure = new HallmarkError(
      'unavailable',
      'KEYSTONE_UNAVAILABLE',
      'Keystone is down.',
    );
    const reply = await other.ask({ token: 'gAAAAABstranger' });
    expect([reply.status, reply.body]).toEqual([503, '503 Service Unavailable\n\nKeystone is down.\n\n   ']);
  });
});

describe('the listener', () => {
  test('is not there unless it is asked for', async () => {
    await using gateway = await startGateway(
      parseConfig('[gateway_nova]\nlisten = 127.0.0.1:0\n'),
      testContext('gateway'),
    );
    expect(Object.keys(gateway.addresses)).toEqual(['nova']);
  });

  test('is refused where there is nobody to answer', async () => {
    const config = parseConfig(
      '[gateway_nova]\nlisten = 127.0.0.1:0\n[gateway_image]\nlisten = 127.0.0.1:0\n',
    );
    const refused = startGateway(config, testContext('gateway'));
    await expect(refused).rejects.toThrow(ConfigError);
    await expect(refused).rejects.toThrow(/without \[rpc\] images_endpoints/);
  });

  test('tells load balancers that it is up', async () => {
    const reply = await house.ask({ path: '/healthcheck', token: null });
    expect([reply.status, reply.body, reply.headers['content-type']]).toEqual([
      200,
      'OK',
      'text/plain; charset=UTF-8',
    ]);
  });
});
