import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { instances } from '@hallmark/contracts';
import { invalid } from '@hallmark/errors';
import { ADMIN, ALICE, BootHouse, errorOf, READER, SYSTEM_READER } from './boot-house.ts';
import { aBoot, anInstance } from './fake-boots.ts';

jest.setTimeout(30_000);

const { InstanceStatus } = instances;

let house: BootHouse;
const ids: string[] = [];
beforeAll(async () => {
  house = await BootHouse.open();
  for (let at = 0; at < 7; at += 1) {
    const status = at % 2 === 0 ? InstanceStatus.ACTIVE : InstanceStatus.ERROR;
    const boot = aBoot({ networkData: Buffer.from('{"links":[]}') });
    ids.unshift(house.boots.keep(anInstance({ projectId: 'p1', status, boot })).id);
    house.boots.keep(anInstance({ projectId: 'p2' }));
  }
});
afterAll(async () => {
  await house[Symbol.asyncDispose]();
});

interface Page {
  readonly instances: Record<string, unknown>[];
  readonly next?: string;
}

async function list(query = '', token = ALICE): Promise<Page> {
  const reply = await house.ask({ method: 'GET', path: `/v1/instances${query}`, token });
  expect(reply.status).toBe(200);
  return JSON.parse(reply.body) as Page;
}

/** Follows `next` from the first page to the last. */
async function walk(query: string, token = ALICE): Promise<Page[]> {
  const pages = [await list(query, token)];
  for (let next = pages[0]?.next; next !== undefined; next = pages.at(-1)?.next) {
    pages.push(await list(next.slice('/v1/instances'.length), token));
  }
  return pages;
}

const idsOf = (pages: Page[]) => pages.flatMap((page) => page.instances.map(({ id }) => id));

describe('a list', () => {
  test('has the instances of the project alone, newest first', async () => {
    expect(idsOf([await list()])).toEqual(ids);
    expect(idsOf([await list('', READER)])).toEqual(ids);
  });

  test('asks for a hundred where nobody says how many', async () => {
    await list();
    expect(house.boots.listed.at(-1)).toEqual({
      projectId: 'p1',
      marker: '',
      limit: 100,
      status: InstanceStatus.UNSPECIFIED,
    });
  });

  test('comes page by page, each instance once', async () => {
    const pages = await walk('?limit=3');
    expect(pages.map((page) => page.instances.length)).toEqual([3, 3, 1]);
    expect(idsOf(pages)).toEqual(ids);
    expect(pages[0]?.next).toBe(`/v1/instances?marker=${ids[2] ?? ''}&limit=3`);
    expect(pages[2]).not.toHaveProperty('next');
  });

  test('keeps what was asked for on the way', async () => {
    const pages = await walk('?status=ERROR&limit=1');
    expect(pages).toHaveLength(3);
    expect(pages.flatMap((page) => page.instances.map(({ status }) => status))).toEqual([
      'ERROR',
      'ERROR',
      'ERROR',
    ]);
  });

  test('of a full last page has no next', async () => {
    expect(await walk('?limit=7')).toHaveLength(1);
  });

  test('leaves out what may be long', async () => {
    const [first] = (await list('?limit=1')).instances;
    expect(first).toMatchObject({ name: 'mail-1', metadata: {} });
    expect(first).not.toHaveProperty('network_data');
    expect(first).not.toHaveProperty('devices');
  });

  test.each([
    ['an admin', ADMIN],
    ['a reader of the system', SYSTEM_READER],
  ])('of all projects is for %s', async (_who, token) => {
    expect(idsOf(await walk('?all_projects=true&limit=5', token))).toHaveLength(14);
    expect(idsOf(await walk('?all_projects=1', token))).toHaveLength(14);
  });

  test('of all projects is for nobody else', async () => {
    const reply = await house.ask({ method: 'GET', path: '/v1/instances?all_projects=true' });
    expect(reply.status).toBe(403);
    expect(errorOf(reply).reason).toBe('ADMIN_NEEDED');
  });

  test('of an admin is of the own project unless all are asked for', async () => {
    expect(idsOf([await list('', ADMIN)])).toEqual([]);
    expect(house.boots.listed.at(-1)?.projectId).toBe('p0');
    await list('?all_projects=false', ADMIN);
    expect(house.boots.listed.at(-1)?.projectId).toBe('p0');
  });

  test('needs a project or the wish for all', async () => {
    const reply = await house.ask({ method: 'GET', token: SYSTEM_READER });
    expect(reply.status).toBe(403);
    expect(errorOf(reply).message).toContain('all_projects=true');
  });

  test('tells of a marker that is unknown', async () => {
    house.boots.failure = invalid('MARKER_UNKNOWN', 'No instance has this id.');
    const reply = await house.ask({ method: 'GET', path: `/v1/instances?marker=${ids[0] ?? ''}` });
    house.boots.failure = undefined;
    expect([reply.status, errorOf(reply).reason]).toEqual([400, 'MARKER_UNKNOWN']);
  });

  test('answers HEAD', async () => {
    const reply = await house.ask({ method: 'HEAD' });
    expect([reply.status, reply.body]).toEqual([200, '']);
  });
});
