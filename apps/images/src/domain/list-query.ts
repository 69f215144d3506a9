import { invalid, type HallmarkError } from '@hallmark/errors';
import { MEMBER_STATUSES, VISIBILITIES, type MemberStatus, type Visibility } from './image.ts';
import { parseInList } from './in-list.ts';
import { listLink, parseQuery, readLimit, type QueryPair } from './query-string.ts';

const SORT_KEYS = [
  'name',
  'status',
  'container_format',
  'disk_format',
  'size',
  'id',
  'created_at',
  'updated_at',
] as const;
export type SortKey = (typeof SORT_KEYS)[number];

const LIST_COLUMNS = ['name', 'id', 'status', 'container_format', 'disk_format'] as const;
const TEXT_COLUMNS = ['owner', 'checksum', 'os_hash_algo', 'os_hash_value'] as const;
const NUMBER_COLUMNS = ['size', 'virtual_size', 'min_disk', 'min_ram'] as const;
const TIME_COLUMNS = ['created_at', 'updated_at'] as const;
const OPERATORS = { gt: '>', gte: '>=', eq: '=', neq: '<>', lt: '<', lte: '<=' } as const;

export type TextColumn = (typeof LIST_COLUMNS)[number] | (typeof TEXT_COLUMNS)[number];
export type NumberColumn = (typeof NUMBER_COLUMNS)[number];
export type TimeColumn = (typeof TIME_COLUMNS)[number];
export type Operator = (typeof OPERATORS)[keyof typeof OPERATORS];

export interface SortField {
  readonly key: SortKey;
  readonly descending: boolean;
}

/** What a list is to hold. */
export interface ImageFilters {
  readonly visibility: Visibility | 'all' | undefined;
  readonly memberStatus: MemberStatus | 'all';
  readonly hidden: boolean;
  readonly protected: boolean | undefined;
  /** All of them must be there. */
  readonly tags: readonly string[];
  /** One of the values. */
  readonly texts: readonly { readonly column: TextColumn; readonly values: readonly string[] }[];
  readonly numbers: readonly {
    readonly column: NumberColumn;
    readonly operator: Operator;
    readonly value: number;
  }[];
  readonly times: readonly {
    readonly column: TimeColumn;
    readonly operator: Operator;
    readonly value: Date;
  }[];
  readonly properties: readonly { readonly name: string; readonly value: string }[];
}

export interface ListQuery {
  readonly limit: number;
  readonly marker: string | undefined;
  /** Ends with a key that no two images share. */
  readonly sort: readonly SortField[];
  readonly filters: ImageFilters;
  readonly first: string;
  next(marker: string): string;
}

export interface PageSizes {
  readonly standard: number;
  readonly most: number;
}

const PATH = '/v2/images';

/** Understands what stands behind `?` of a list. */
export function parseListQuery(query: string, sizes: PageSizes): ListQuery {
  const pairs = parseQuery(query);
  const last = (name: string): string | undefined => pairs.findLast(([key]) => key === name)?.[1];
  return {
    limit: readLimit(last('limit'), sizes),
    marker: last('marker'),
    sort: readSort(pairs),
    filters: readFilters(pairs),
    first: listLink(PATH, pairs),
    next: (marker) => listLink(PATH, pairs, marker),
  };
}

function readSort(pairs: readonly QueryPair[]): SortField[] {
  const all = (name: string): string[] => pairs.filter(([key]) => key === name).map(([, value]) => value);
  const sorts = all('sort');
  const keys = all('sort_key');
  const dirs = all('sort_dir');
  if (sorts.length > 0 && (keys.length > 0 || dirs.length > 0))
    throw queryInvalid('Old and new sorting syntax cannot be combined');
  const given =
    sorts.length > 0
      ? sorts.flatMap((sort) => sort.split(',')).map(readNewSort)
      : readClassicSort(keys.length > 0 ? keys : ['created_at'], dirs);
  return withTieBreakers(given);
}

function readNewSort(text: string): SortField {
  const [key = '', dir = 'desc'] = text.split(':', 2).map((part) => part.trim());
  return { key: sortKey(key), descending: isDescending(dir) };
}

function readClassicSort(keys: readonly string[], dirs: readonly string[]): SortField[] {
  if (dirs.length > 1 && dirs.length !== keys.length)
    throw queryInvalid('Number of sort dirs does not match the number of sort keys');
  return keys.map((key, index) => ({
    key: sortKey(key.trim()),
    descending: isDescending(dirs[index] ?? dirs[0] ?? 'desc'),
  }));
}

function withTieBreakers(given: readonly SortField[]): SortField[] {
  const seen = new Set<SortKey>();
  const unique = given.filter(({ key }) => !seen.has(key) && seen.add(key));
  const direction = unique[0]?.descending ?? true;
  for (const key of ['created_at', 'id'] as const) {
    if (!seen.has(key) && !seen.has('id')) unique.push({ key, descending: direction });
    seen.add(key);
  }
  return unique;
}

function sortKey(text: string): SortKey {
  const key = SORT_KEYS.find((candidate) => candidate === text);
  if (!key)
    throw queryInvalid(
      `Invalid sort key: ${text}. It must be one of the following: ${SORT_KEYS.join(', ')}.`,
    );
  return key;
}

function isDescending(text: string): boolean {
  if (text !== 'asc' && text !== 'desc') throw queryInvalid(`Invalid sort direction: ${text}`);
  return text === 'desc';
}

type Collected = {
  -readonly [K in keyof ImageFilters]: ImageFilters[K] extends readonly (infer T)[] ? T[] : ImageFilters[K];
};

function readFilters(pairs: readonly QueryPair[]): ImageFilters {
  const filters: Collected = {
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
  // Of a parameter that is repeated the last counts, as in Glance; only tags add up.
  for (const [name, value] of new Map(pairs)) readFilter(filters, name, value);
  filters.tags = pairs.filter(([name]) => name === 'tag').map(([, value]) => value);
  return filters;
}

const NOT_FILTERS: ReadonlySet<string> = new Set([
  'limit',
  'marker',
  'sort',
  'sort_key',
  'sort_dir',
  'tag',
  // Of Glance's version 1; it has no effect.
  'deleted',
]);

function readFilter(filters: Collected, name: string, value: string): void {
  if (NOT_FILTERS.has(name)) return;
  if (name === 'changes-since')
    throw queryInvalid('The "changes-since" filter is no longer available on v2.');
  if (name === 'visibility') filters.visibility = visibilityOf(value);
  else if (name === 'member_status') filters.memberStatus = memberStatusOf(value);
  else if (name === 'os_hidden') filters.hidden = booleanOf(name, value, value.toLowerCase());
  else if (name === 'protected') filters.protected = booleanOf(name, value, value);
  else if (!readColumn(filters, name, value)) filters.properties.push({ name, value });
}

function readColumn(filters: Collected, name: string, value: string): boolean {
  const listColumn = LIST_COLUMNS.find((column) => column === name);
  const textColumn = TEXT_COLUMNS.find((column) => column === name);
  const numberColumn = NUMBER_COLUMNS.find((column) => column === name);
  const timeColumn = TIME_COLUMNS.find((column) => column === name);
  if (listColumn) {
    // A colon in a name is no operator; Glance could not find such names.
    const values = value.startsWith('in:') ? parseInList(value.slice(3)) : [value];
    filters.texts.push({ column: listColumn, values });
  } else if (textColumn) {
    filters.texts.push({ column: textColumn, values: [value] });
  } else if (numberColumn) {
    filters.numbers.push({ column: numberColumn, operator: '=', value: Number(value) });
  } else if (timeColumn) {
    filters.times.push({ column: timeColumn, ...timeFilter(timeColumn, value) });
  } else {
    return readRange(filters, name, value);
  }
  return true;
}

function readRange(filters: Collected, name: string, value: string): boolean {
  const [, stem = '', end] = /^(.*)_(min|max)$/.exec(name) ?? [];
  if (end === undefined) return false;
  const column = NUMBER_COLUMNS.find((candidate) => candidate === stem);
  if (!column) throw queryInvalid(`Unable to filter on a range of unknown attribute ${stem}.`);
  if (value.trim() === '' || Number.isNaN(Number(value)))
    throw queryInvalid('Unable to filter on a range with a non-numeric value.');
  filters.numbers.push({ column, operator: end === 'min' ? '>=' : '<=', value: Number(value) });
  return true;
}

function visibilityOf(text: string): Visibility | 'all' {
  const visibility = [...VISIBILITIES, 'all' as const].find((candidate) => candidate === text);
  if (!visibility) throw queryInvalid(`Invalid visibility value: ${text}`);
  return visibility;
}

function memberStatusOf(text: string): MemberStatus | 'all' {
  const status = [...MEMBER_STATUSES, 'all' as const].find((candidate) => candidate === text);
  if (!status) throw queryInvalid(`Invalid status: ${text}`);
  return status;
}

function booleanOf(name: string, text: string, word: string): boolean {
  if (word !== 'true' && word !== 'false')
    throw queryInvalid(`Invalid value '${text}' for '${name}' filter. Valid values are 'true' or 'false'.`);
  return word === 'true';
}

const ISO_8601 = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/;

function timeFilter(column: TimeColumn, text: string): { operator: Operator; value: Date } {
  const [, word = 'eq', time = ''] = /^([A-Za-z]+):(.*)$/s.exec(text) ?? [undefined, 'eq', text];
  const isKnown = (name: string): name is keyof typeof OPERATORS => Object.hasOwn(OPERATORS, name);
  if (!isKnown(word)) throw queryInvalid('Unable to filter on a unknown operator.');
  // A + that was not percent-encoded arrives as a blank.
  const iso = time.trim().replace(/(:\d{2}(?:\.\d+)?) (\d{2}:?\d{2})$/, '$1+$2');
  const hasZone = /Z$|[+-]\d{2}:?\d{2}$/.test(iso.slice(10));
  const value = new Date(hasZone || iso.length <= 10 ? iso : `${iso}Z`);
  if (!ISO_8601.test(iso) || Number.isNaN(value.getTime()))
    throw queryInvalid(`Bad "${column}" query filter format. Use ISO 8601 DateTime notation.`);
  return { operator: OPERATORS[word], value };
}

const queryInvalid = (message: string): HallmarkError => invalid('QUERY_INVALID', message);
