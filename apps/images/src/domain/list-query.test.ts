import { describe, expect, test } from '@jest/globals';
import { HallmarkError } from '@hallmark/errors';
import { parseListQuery, type ImageFilters, type ListQuery } from './list-query.ts';

const parse = (query: string): ListQuery => parseListQuery(query, { standard: 25, most: 1000 });

function failure(query: string): string {
  try {
    parse(query);
  } catch (error) {
    if (error instanceof HallmarkError) return error.message;
    throw error;
  }
  return 'understood';
}

const NOTHING: ImageFilters = {
  visibility: undefined,
  memberStatus: 'accepted',
  hidden: false,
  protected: undefined,
  tags: [],
  texts: [],
  numbers: [],
  times: [],
  properties: [],
};

describe('Filters', () => {
  test.each<[query: string, filters: Partial<ImageFilters>]>([
    ['', {}],
    ['visibility=all&member_status=pending', { visibility: 'all', memberStatus: 'pending' }],
    ['os_hidden=TRUE&protected=false', { hidden: true, protected: false }],
    ['tag=a&tag=b', { tags: ['a', 'b'] }],
    ['name=x', { texts: [{ column: 'name', values: ['x'] }] }],
    ['name=foo:bar', { texts: [{ column: 'name', values: ['foo:bar'] }] }],
    ['name=in:a,"b,c",d', { texts: [{ column: 'name', values: ['a', 'b,c', 'd'] }] }],
    [
      'owner=p&checksum=c',
      {
        texts: [
          { column: 'owner', values: ['p'] },
          { column: 'checksum', values: ['c'] },
        ],
      },
    ],
    [
      'size_min=5&size_max=9',
      {
        numbers: [
          { column: 'size', operator: '>=', value: 5 },
          { column: 'size', operator: '<=', value: 9 },
        ],
      },
    ],
    [
      'created_at=gt:2026-01-02T03:04:05Z',
      { times: [{ column: 'created_at', operator: '>', value: new Date('2026-01-02T03:04:05Z') }] },
    ],
    [
      'updated_at=2026-01-02',
      { times: [{ column: 'updated_at', operator: '=', value: new Date('2026-01-02T00:00:00Z') }] },
    ],
    [
      'created_at=lte:2026-01-02T03:04:05+01:00',
      { times: [{ column: 'created_at', operator: '<=', value: new Date('2026-01-02T02:04:05Z') }] },
    ],
    [
      'created_at=neq:2026-01-02%2003:04',
      { times: [{ column: 'created_at', operator: '<>', value: new Date('2026-01-02T03:04:00Z') }] },
    ],
    ['os_distro=debian&deleted=True', { properties: [{ name: 'os_distro', value: 'debian' }] }],
    ['a=1&a=2', { properties: [{ name: 'a', value: '2' }] }],
  ])('%s', (query, filters) => {
    expect(parse(query).filters).toEqual({ ...NOTHING, ...filters });
  });
});

describe('Order', () => {
  test.each([
    ['', 'created_at desc, id desc'],
    ['sort=name:asc', 'name asc, created_at asc, id asc'],
    ['sort=name:asc,size', 'name asc, size desc, created_at asc, id asc'],
    ['sort=id:asc', 'id asc'],
    ['sort_key=name&sort_key=size&sort_dir=asc', 'name asc, size asc, created_at asc, id asc'],
    ['sort_key=name&sort_key=size&sort_dir=asc&sort_dir=desc', 'name asc, size desc, created_at asc, id asc'],
    ['sort_dir=asc', 'created_at asc, id asc'],
  ])('%s', (query, order) => {
    const text = parse(query).sort.map(({ key, descending }) => `${key} ${descending ? 'desc' : 'asc'}`);
    expect(text.join(', ')).toBe(order);
  });
});

describe('Pages', () => {
  test('have limits and links that keep every parameter', () => {
    const query = parse('tag=a&tag=b%26c&marker=m&name=x y:z&limit=5000');
    expect([query.limit, query.marker]).toEqual([1000, 'm']);
    expect(query.first).toBe('/v2/images?tag=a&tag=b%26c&name=x+y%3Az&limit=5000');
    expect(query.next('n')).toBe(`${query.first}&marker=n`);
    expect([parse('').limit, parse('').first, parse('limit=0').limit]).toEqual([25, '/v2/images', 0]);
  });
});

test.each([
  ['limit=x', 'limit param must be an integer'],
  ['limit=-1', 'limit param must be positive'],
  ['sort=size:up', 'Invalid sort direction: up'],
  [
    'sort=owner',
    'Invalid sort key: owner. It must be one of the following: name, status, container_format, disk_format, size, id, created_at, updated_at.',
  ],
  ['sort=name&sort_key=id', 'Old and new sorting syntax cannot be combined'],
  ['sort_key=name&sort_dir=asc&sort_dir=asc', 'Number of sort dirs does not match the number of sort keys'],
  ['visibility=x', 'Invalid visibility value: x'],
  ['member_status=x', 'Invalid status: x'],
  ['os_hidden=maybe', "Invalid value 'maybe' for 'os_hidden' filter. Valid values are 'true' or 'false'."],
  ['protected=True', "Invalid value 'True' for 'protected' filter. Valid values are 'true' or 'false'."],
  ['size_min=x', 'Unable to filter on a range with a non-numeric value.'],
  ['foo_min=1', 'Unable to filter on a range of unknown attribute foo.'],
  ['created_at=yesterday', 'Bad "created_at" query filter format. Use ISO 8601 DateTime notation.'],
  ['created_at=about:2026-01-02', 'Unable to filter on a unknown operator.'],
  ['name=in:"a', 'Invalid filter value "a. The quote is not closed.'],
  ['name=in:a"b"', 'Invalid filter value a"b". There is no comma before opening quotation mark.'],
  ['name=in:"a"b', 'Invalid filter value "a"b. There is no comma after closing quotation mark.'],
  ['changes-since=2026', 'The "changes-since" filter is no longer available on v2.'],
])('%s is refused', (query, text) => {
  expect(failure(query)).toBe(text);
});
