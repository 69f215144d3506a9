import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { invalid, unavailable } from '@hallmark/errors';
import {
  ADMIN,
  ALICE,
  BOB,
  BootHouse,
  errorOf,
  ID,
  NOBODY,
  OTHER_ID,
  READER,
  SYSTEM_READER,
  UNSCOPED,
} from './boot-house.ts';
import { anInstance } from './fake-boots.ts';
import { House } from './house.ts';

jest.setTimeout(30_000);

let house: BootHouse;
beforeAll(async () => {
  house = await BootHouse.open();
});
afterAll(async () => {
  await house[Symbol.asyncDispose]();
});
beforeEach(() => {
  house.boots.reset();
});

const ask: BootHouse['ask'] = async (request) => house.ask(request);

describe('who may', () => {
  const path = `/v1/instances/${ID}`;
  const cases: {
    who: string;
    token: string;
    method: string;
    at?: string;
    status: number;
    reason?: string;
  }[] = [
    { who: 'a reader reads', token: READER, method: 'GET', status: 200 },
    { who: 'a reader lists', token: READER, method: 'GET', at: '/v1/instances', status: 200 },
    {
      who: 'a reader boots nothing',
      token: READER,
      method: 'POST',
      at: '/v1/instances',
      status: 403,
      reason: 'ROLE_MISSING',
    },
    { who: 'a reader ends nothing', token: READER, method: 'DELETE', status: 403, reason: 'ROLE_MISSING' },
    {
      who: 'a reader takes no drive',
      token: READER,
      method: 'GET',
      at: `${path}/config-drive`,
      status: 403,
      reason: 'ROLE_MISSING',
    },
    { who: 'a stranger reads nothing', token: NOBODY, method: 'GET', status: 403, reason: 'ROLE_MISSING' },
    {
      who: 'another project finds nothing',
      token: BOB,
      method: 'GET',
      status: 404,
      reason: 'INSTANCE_UNKNOWN',
    },
    {
      who: 'another project ends nothing',
      token: BOB,
      method: 'DELETE',
      status: 404,
      reason: 'INSTANCE_UNKNOWN',
    },
    {
      who: 'another project changes nothing',
      token: BOB,
      method: 'PUT',
      at: `${path}/metadata`,
      status: 404,
      reason: 'INSTANCE_UNKNOWN',
    },
    {
      who: 'another project rebuilds nothing',
      token: BOB,
      method: 'POST',
      at: `${path}/rebuild`,
      status: 404,
      reason: 'INSTANCE_UNKNOWN',
    },
    {
      who: 'another project takes no drive',
      token: BOB,
      method: 'GET',
      at: `${path}/config-drive`,
      status: 404,
      reason: 'INSTANCE_UNKNOWN',
    },
    { who: 'an admin reads', token: ADMIN, method: 'GET', status: 200 },
    { who: 'an admin changes', token: ADMIN, method: 'PUT', at: `${path}/metadata`, status: 200 },
    { who: 'an admin ends', token: ADMIN, method: 'DELETE', status: 204 },
    { who: 'a reader of the system reads', token: SYSTEM_READER, method: 'GET', status: 200 },
    {
      who: 'a reader of the system ends nothing',
      token: SYSTEM_READER,
      method: 'DELETE',
      status: 403,
      reason: 'ROLE_MISSING',
    },
    {
      who: 'no project, no boot',
      token: UNSCOPED,
      method: 'POST',
      at: '/v1/instances',
      status: 403,
      reason: 'PROJECT_SCOPE_MISSING',
    },
    {
      who: 'no project, no list',
      token: UNSCOPED,
      method: 'GET',
      at: '/v1/instances',
      status: 403,
      reason: 'PROJECT_SCOPE_MISSING',
    },
    {
      who: 'no project, no instance',
      token: UNSCOPED,
      method: 'GET',
      status: 403,
      reason: 'PROJECT_SCOPE_MISSING',
    },
    {
      who: 'the service token of Nova boots nothing',
      token: 'gAAAAABservice',
      method: 'POST',
      at: '/v1/instances',
      status: 403,
      reason: 'ROLE_MISSING',
    },
    { who: 'an unknown token', token: 'gAAAAABbad', method: 'GET', status: 401, reason: 'TOKEN_INVALID' },
  ];
  const bodies: Record<string, unknown> = {
    [`${path}/metadata`]: { metadata: {} },
    [`${path}/rebuild`]: { image_id: OTHER_ID },
  };

  test.each(cases)('$who', async ({ token, method, at = path, status, reason }) => {
    house.boots.keep(anInstance({ id: ID }));
    const reply = await ask({ token, method, path: at, body: bodies[at] });
    expect(reply.status).toBe(status);
    if (reason !== undefined) expect(errorOf(reply).reason).toBe(reason);
  });

  test('is decided before the body is read', async () => {
    const reply = await ask({ token: READER, body: '{not json' });
    expect(reply.status).toBe(403);
  });

  test('is an option', async () => {
    await using other = await BootHouse.open({
      ini: '[boot_api]\nwriter_roles = Booter\nadmin_roles = Heat_Stack_User',
    });
    expect((await other.ask({ token: ALICE })).status).toBe(403);
    expect((await other.ask({ token: NOBODY })).status).toBe(202);
    const refused = await other.ask({ token: ALICE });
    expect(errorOf(refused).message).toContain('booter, heat_stack_user');
  });
});

describe('when the house fails', () => {
  test.each([
    [
      unavailable('DATABASE_UNAVAILABLE', 'PostgreSQL does not answer.', { retryAfterSeconds: 2 }),
      503,
      'DATABASE_UNAVAILABLE',
    ],
    [invalid('INSTANCE_INVALID', 'personality[0].contents is too long.'), 400, 'INSTANCE_INVALID'],
    [new Error('secret detail'), 500, 'INTERNAL'],
  ])('%s', async (failure, status, reason) => {
    house.boots.failure = failure;
    const reply = await ask();
    expect(reply.status).toBe(status);
    expect(errorOf(reply).reason).toBe(reason);
    expect(reply.body).not.toContain('secret detail');
    if (status === 503) expect(reply.headers['retry-after']).toBe('2');
  });

  test('there is no boot API where no instances are kept', async () => {
    await using bare = await House.open();
    expect((await bare.post({ path: '/v1/instances', body: '{"name":"a"}' })).status).toBe(404);
    expect((await bare.post({ method: 'GET', path: '/openapi.json' })).status).toBe(404);
  });
});
