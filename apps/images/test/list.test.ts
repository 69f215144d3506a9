import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { usePostgres } from '@hallmark/testing';
import { admin, alice, bytes, call, dave, DEMO, failure, House, OTHER, type Json } from './house.ts';

const postgres = usePostgres();
let house: House;
const ids = new Map<string, string>();

const INI = `
[DEFAULT]
limit_param_default = 5
api_limit_max = 50
[inject_metadata_properties]
inject = mark:x
`;

beforeAll(async () => {
  house = await House.open({ database: await postgres.current.createDatabase(), ini: INI });
  const images: [Json, typeof alice][] = [
    [
      {
        name: 'a',
        tags: ['x', 'y'],
        min_ram: 10,
        os_distro: 'debian',
        disk_format: 'raw',
        container_format: 'bare',
      },
      alice,
    ],
    [{ name: 'b:c', tags: ['x'], visibility: 'private', os_distro: 'fedora' }, alice],
    [{ name: 'hidden', os_hidden: true }, alice],
    [{ name: 'comm', visibility: 'community' }, alice],
    [{ name: 'd,e', visibility: 'private', protected: true }, dave],
    [{ name: 'their-comm', visibility: 'community' }, dave],
    [{ name: 'pub', visibility: 'public', mark: 'mine' }, admin],
    [{ name: 'adm' }, admin],
    [{ name: null }, alice],
  ];
  for (const [body, caller] of images) ids.set(String(body['name']), await house.createId(body, caller));
  await house.fill(ids.get('a') ?? '', 'default');
});
afterAll(async () => house[Symbol.asyncDispose]());

describe('Who sees what', () => {
  test.each([
    ['a project', '', alice, [null, 'pub', 'comm', 'b:c', 'a']],
    ['another', '', dave, ['pub', 'their-comm', 'd,e']],
    ['an administrator', 'limit=20', admin, [null, 'adm', 'pub', 'd,e', 'b:c', 'a']],
    [
      'an administrator who asks for all',
      'visibility=all&limit=20',
      admin,
      [null, 'adm', 'pub', 'their-comm', 'd,e', 'comm', 'b:c', 'a'],
    ],
    ["an administrator who asks for a project's", `owner=${DEMO}&limit=20`, admin, [null, 'b:c', 'a']],
    [
      "an administrator who asks for all of a project's",
      `owner=${DEMO}&visibility=all&limit=20`,
      admin,
      [null, 'comm', 'b:c', 'a'],
    ],
    ['an administrator who asks for the community', 'visibility=community', admin, ['their-comm', 'comm']],
    ['who asks for the community', 'visibility=community', alice, ['their-comm', 'comm']],
    ['who asks for all', 'visibility=all&limit=20', alice, [null, 'pub', 'their-comm', 'comm', 'b:c', 'a']],
    ['who asks for private ones', 'visibility=private', alice, ['b:c']],
    ['who asks for public ones', 'visibility=public', dave, ['pub']],
    ['who asks for shared ones', 'visibility=shared', alice, [null, 'a']],
    ['who asks for hidden ones', 'os_hidden=true', alice, ['hidden']],
  ])('%s', async (_, query, caller, names) => {
    expect((await house.list(query, caller)).names).toEqual(names);
  });
});

describe('Filters', () => {
  test.each([
    ['name=a', ['a']],
    ['name=b:c', ['b:c']],
    ['name=in:a,"b:c"', ['b:c', 'a']],
    ['tag=x&tag=y', ['a']],
    ['tag=x', ['b:c', 'a']],
    ['os_distro=debian', ['a']],
    ['os_distro=nope', []],
    ['status=active', ['a']],
    ['status=nope', []],
    ['size_min=1000&size_max=2000', ['a']],
    ['size=1024', ['a']],
    ['min_ram=10', ['a']],
    ['min_ram=x', []],
    ['disk_format=raw', ['a']],
    ['checksum=7265f4d211b56873a381d321f586e4a9', ['a']],
    ['container_format=in:bare,ova&disk_format=in:raw,iso', ['a']],
    ['status=in:active,deactivated', ['a']],
    ['status=in:active,queued&name=in:a,comm', ['comm', 'a']],
    ['min_ram_min=5&min_ram_max=10', ['a']],
    ['min_disk_min=1', []],
    ['protected=false&visibility=private', ['b:c']],
    ['created_at=lt:2000-01-01T00:00:00Z', []],
    ['created_at=lte:2000-01-01T00:00:00Z', []],
    ['created_at=gt:2000-01-01T00:00:00Z&tag=x', ['b:c', 'a']],
    ['created_at=neq:2000-01-01T00:00:00Z&tag=x', ['b:c', 'a']],
    ['created_at=eq:2000-01-01T00:00:00Z', []],
    ['updated_at=gt:2000-01-01T00:00:00Z&name=a', ['a']],
    ['updated_at=2000-01-01T00:00:00Z', []],
    ['created_at=gte:2000-01-01T00:00:00Z&name=a', ['a']],
    ['protected=true', []],
    ['mark=mine', ['pub']],
    ['owner=b1c0ec969e3a4133bea1e08f2c92ec8d&visibility=private', ['b:c']],
  ])('%s', async (query, names) => {
    expect((await house.list(query)).names).toEqual(names);
  });
});

test('an image is found by its id and by the second in which it was created', async () => {
  const id = ids.get('a') ?? '';
  const { created_at: time } = await house.get(id);
  expect((await house.list(`id=in:${id},${ids.get('comm') ?? ''}`)).names).toEqual(['comm', 'a']);
  expect((await house.list(`id=${id}`)).names).toEqual(['a']);
  for (const operator of ['', 'eq:', 'gte:', 'lte:'])
    expect((await house.list(`name=a&created_at=${operator}${String(time)}`)).names).toEqual(['a']);
  for (const operator of ['neq:', 'gt:', 'lt:'])
    expect((await house.list(`name=a&created_at=${operator}${String(time)}`)).names).toEqual([]);
});

test.each([
  ['limit=x', 'limit param must be an integer'],
  ['limit=-1', 'limit param must be positive'],
  ['sort=nope', /^Invalid sort key: nope\. It must be one of the following: /],
  ['sort=name:up', 'Invalid sort direction: up'],
  ['sort=name&sort_key=id', 'Old and new sorting syntax cannot be combined'],
  ['visibility=secret', 'Invalid visibility value: secret'],
  ['member_status=maybe', 'Invalid status: maybe'],
  ['os_hidden=maybe', /for 'os_hidden' filter/],
  ['protected=TRUE', /for 'protected' filter/],
  ['size_min=big', 'Unable to filter on a range with a non-numeric value.'],
  ['created_at=about:2000-01-01', 'Unable to filter on a unknown operator.'],
  ['created_at=gt:soon', /^Bad "created_at" query filter format\./],
  ['name=in:"a', /^Invalid filter value .* The quote is not closed\./],
  ['changes-since=2000-01-01', 'The "changes-since" filter is no longer available on v2.'],
])('%s is refused', async (query, text) => {
  const answer = await failure(house.list(query));
  expect(answer).toMatch(/^invalid [A-Z_]+ /);
  expect(answer.replace(/^invalid [A-Z_]+ /, '')).toMatch(text);
});

describe('Order and pages', () => {
  test.each([
    ['sort=name:asc', [null, 'a', 'b:c', 'comm', 'pub']],
    ['sort=size', ['a', null, 'pub', 'comm', 'b:c']],
    ['sort=disk_format:asc,name:desc', ['pub', 'comm', 'b:c', null, 'a']],
    ['sort_key=created_at&sort_dir=asc', ['a', 'b:c', 'comm', 'pub', null]],
    ['sort=id:asc&name=a', ['a']],
  ])('%s', async (query, names) => {
    expect((await house.list(query)).names).toEqual(names);
  });

  test.each([
    '',
    'sort=name:asc',
    'sort=size',
    'sort=disk_format:asc,name:desc',
    'sort=status:asc,created_at:desc',
  ])('pages of "%s" hold every image once, and the last has no next', async (order) => {
    const whole = (await house.list(`${order}&limit=20`)).names;
    const paged: unknown[] = [];
    let query: string | undefined = `${order}&limit=2`;
    while (query !== undefined) {
      const { names, document } = await house.list(query);
      paged.push(...names);
      const next = document['next'] as string | undefined;
      query = next?.split('?')[1];
    }
    expect(paged).toEqual(whole);
  });

  test('links keep repeated parameters', async () => {
    const { document } = await house.list('tag=x&limit=1');
    expect([document['first'], document['next'], document['schema']]).toEqual([
      '/v2/images?tag=x&limit=1',
      `/v2/images?tag=x&limit=1&marker=${ids.get('b:c') ?? ''}`,
      '/v2/schemas/images',
    ]);
  });

  test('a marker must be an image that the caller may see', async () => {
    const own = ids.get('d,e') ?? '';
    expect(await failure(house.list(`marker=${own}`))).toBe(
      `invalid MARKER_UNKNOWN No image found with ID ${own}`,
    );
    expect((await house.list(`marker=${own}`, dave)).names).toEqual([]);
    expect((await house.list('limit=0')).names).toEqual([]);
  });
});

test('shares are listed once they are accepted', async () => {
  const id = ids.get('a') ?? '';
  await house.client.createMember({ caller: alice, id, body: bytes({ member: OTHER }) }, call());
  expect((await house.list('visibility=shared&member_status=all', dave)).names).toEqual(['a']);
  expect((await house.list('visibility=shared', dave)).names).toEqual([]);
  const accept = { caller: dave, id, memberId: OTHER, body: bytes({ status: 'accepted' }) };
  await house.client.updateMember(accept, call());
  expect((await house.list('', dave)).names).toEqual(['pub', 'their-comm', 'd,e', 'a']);
});

test('shares are listed among all others in every order, and page by page', async () => {
  const names: string[] = [];
  for (const index of [1, 2, 3]) {
    names.push(`theirs-${index}`, `mine-${index}`);
    const id = await house.createId({ name: `theirs-${index}`, group: 'x' }, alice);
    await house.createId({ name: `mine-${index}`, group: 'x' }, dave);
    await house.client.createMember({ caller: alice, id, body: bytes({ member: OTHER }) }, call());
    const accept = { caller: dave, id, memberId: OTHER, body: bytes({ status: 'accepted' }) };
    await house.client.updateMember(accept, call());
  }
  const pagesOf = async (query: string): Promise<unknown[]> => {
    const found: unknown[] = [];
    for (let next: string | undefined = `group=x&limit=1&${query}`; next !== undefined;) {
      const page = await house.list(next, dave);
      found.push(...page.names);
      next = (page.document['next'] as string | undefined)?.split('?')[1];
    }
    return found;
  };
  expect(await pagesOf('')).toEqual(names.toReversed());
  expect(await pagesOf('sort=created_at:asc')).toEqual(names);
  expect(await pagesOf('sort=name:asc')).toEqual(names.toSorted());
  expect(await pagesOf('sort=created_at:asc,id:desc')).toEqual(names);
  expect(await pagesOf(`owner=${DEMO}`)).toEqual(['theirs-3', 'theirs-2', 'theirs-1']);
  expect(await pagesOf(`owner=${OTHER}`)).toEqual(['mine-3', 'mine-2', 'mine-1']);
});

test('values are compared whole, however long they are', async () => {
  const value = 'v'.repeat(254);
  for (const end of ['', 'a', 'ab', 'ac']) await house.createId({ name: `long${end}`, long: value + end });
  for (const end of ['', 'a', 'ab', 'ac'])
    expect((await house.list(`long=${value}${end}`)).names).toEqual([`long${end}`]);
  expect((await house.list(`long=${value.slice(1)}`)).names).toEqual([]);
});
