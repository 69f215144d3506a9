import { describe, expect, test } from '@jest/globals';
import { instances } from '@hallmark/contracts';
import { usePostgres } from '@hallmark/testing';
import { call, House, OTHER_PROJECT, PROJECT } from './house.ts';

const { InstanceStatus: Status } = instances;
const pg = usePostgres();
const openHouse = async (): Promise<House> =>
  await House.open({ database: await pg.current.createDatabase() });

interface Which {
  readonly projectId?: string;
  readonly limit?: number;
  readonly status?: instances.InstanceStatus;
}

const page = async (house: House, marker: string, which: Which): Promise<instances.ListInstancesResponse> => {
  const { projectId = '', limit = 100, status = Status.UNSPECIFIED } = which;
  return await house.client.listInstances({ projectId, marker, limit, status }, call());
};

/** Ids of all pages, in order, and how many pages there were. */
async function walk(house: House, which: Which): Promise<{ ids: string[]; pages: number }> {
  const ids: string[] = [];
  let marker = '';
  for (let pages = 1; ; pages += 1) {
    const { instances: found, more } = await page(house, marker, which);
    ids.push(...found.map(({ id }) => id));
    if (!more) return { ids, pages };
    marker = ids.at(-1) ?? '';
  }
}

/** Copies one instance to `count` of them, several in each millisecond. */
async function multiply(house: House, count: number): Promise<void> {
  const { id } = await house.boot();
  const columns = await house.rows(
    `SELECT column_name FROM information_schema.columns WHERE table_schema = 'instances' AND table_name = 'instances'
     AND column_name NOT IN ('id', 'project_id', 'created_at', 'ec2_number', 'status', 'deleted_at')`,
  );
  const names = columns.map((row) => String(row['column_name'])).join(', ');
  await house.rows(
    `INSERT INTO instances (id, project_id, created_at, status, deleted_at, ${names})
     SELECT gen_random_uuid(), CASE WHEN n % 3 = 0 THEN '${OTHER_PROJECT}' ELSE '${PROJECT}' END,
       now() + n / 7 * interval '1 millisecond',
       CASE n % 10 WHEN 0 THEN 'DELETED' WHEN 1 THEN 'BUILD' ELSE 'ACTIVE' END,
       CASE n % 10 WHEN 0 THEN now() END, ${names}
     FROM instances, generate_series(1, ${count - 1}) AS n WHERE id = $1`,
    [id],
  );
}

const expected = async (house: House, where: string): Promise<string[]> =>
  (await house.rows(`SELECT id FROM instances WHERE ${where} ORDER BY created_at DESC, id DESC`)).map((row) =>
    String(row['id']),
  );

describe('a list of 1,000', () => {
  test('comes newest first, each once, whatever the size of the pages', async () => {
    await using house = await openHouse();
    await multiply(house, 1_000);
    const living = await expected(house, `status <> 'DELETED'`);
    expect(living.length).toBeGreaterThan(800);
    for (const limit of [31, 450, 1_000]) {
      const { ids, pages } = await walk(house, { limit });
      expect(ids).toEqual(living);
      expect(pages).toBe(Math.ceil(living.length / limit));
    }
    const own = await expected(house, `status <> 'DELETED' AND project_id = '${PROJECT}'`);
    expect((await walk(house, { projectId: PROJECT, limit: 30 })).ids).toEqual(own);
    const building = await expected(house, `status = 'BUILD' AND project_id = '${OTHER_PROJECT}'`);
    const which = { projectId: OTHER_PROJECT, status: Status.BUILD, limit: 10 };
    expect((await walk(house, which)).ids).toEqual(building);
    expect((await walk(house, { status: Status.DELETED })).ids).toEqual([]);
  });

  test('loses and doubles none while others come and go', async () => {
    await using house = await openHouse();
    await multiply(house, 200);
    const before = await expected(house, `status <> 'DELETED'`);
    const first = await page(house, '', { limit: 50 });
    const marker = first.instances.at(-1)?.id ?? '';
    await house.boot();
    // The marker itself goes too.
    await house.client.deleteInstance({ id: marker, projectId: '' }, call());
    const { instances: rest } = await page(house, marker, { limit: 1_000 });
    expect(rest.map(({ id }) => id)).toEqual(before.slice(50));
  });
});

test('a page is cut where its message would grow too large, and says so', async () => {
  await using house = await openHouse();
  const networkData = Buffer.from(JSON.stringify({ links: ['x'.repeat(250_000)] }));
  const boots = Array.from({ length: 80 }, () => house.boot({ boot: { networkData } }));
  await Promise.all(boots);
  const first = await page(house, '', { limit: 1_000 });
  expect(first.more).toBe(true);
  expect(first.instances.length).toBeLessThan(80);
  const { ids } = await walk(house, { limit: 1_000 });
  expect(ids).toEqual(await expected(house, 'true'));
});

test.each(['00000000-0000-4000-8000-000000000000', 'no-uuid'])(
  'a marker that is none: %s',
  async (marker) => {
    await using house = await openHouse();
    await expect(page(house, marker, {})).rejects.toMatchObject({
      code: 'invalid',
      reason: 'MARKER_UNKNOWN',
    });
  },
);

test("another project's marker is none", async () => {
  await using house = await openHouse();
  const { id } = await house.boot();
  await expect(page(house, id, { projectId: OTHER_PROJECT })).rejects.toMatchObject({
    reason: 'MARKER_UNKNOWN',
  });
});

test.each([0, -1, 1_001])('no page has %d', async (limit) => {
  await using house = await openHouse();
  await expect(page(house, '', { limit })).rejects.toMatchObject({
    code: 'invalid',
    reason: 'LIMIT_INVALID',
  });
});
