import { sql, type RawBuilder } from 'kysely';
import type { Database } from '@hallmark/postgres';
import { VISIBILITIES } from '../domain/image.ts';
import type { ImageFilters, Operator, SortField, SortKey, TextColumn } from '../domain/list-query.ts';
import { selectImages, type FoundImage } from './image-rows.ts';
import type { Tables } from './tables.ts';

/** Whose list it is. */
export interface ListViewer {
  readonly projectId: string;
  readonly isAdmin: boolean;
}

export interface PageRequest {
  readonly filters: ImageFilters;
  readonly sort: readonly SortField[];
  readonly limit: number;
  /** The last image of the page before. */
  readonly after: FoundImage | undefined;
}

/** Never NULL, so that rows compare; what has no value comes before what has one. */
const SORTED: Readonly<Record<SortKey, RawBuilder<unknown>>> = {
  name: sql`coalesce(i.name, '')`,
  status: sql`i.status`,
  container_format: sql`coalesce(i.container_format, '')`,
  disk_format: sql`coalesce(i.disk_format, '')`,
  size: sql`coalesce(i.size, -1)`,
  id: sql`i.id`,
  created_at: sql`i.created_at`,
  updated_at: sql`i.updated_at`,
};

const valueOf: Readonly<Record<SortKey, (image: FoundImage) => unknown>> = {
  name: ({ name }) => name ?? '',
  status: ({ status }) => status,
  container_format: ({ containerFormat }) => containerFormat ?? '',
  disk_format: ({ diskFormat }) => diskFormat ?? '',
  size: ({ size }) => size ?? -1,
  id: ({ id }) => id,
  created_at: ({ createdAt }) => createdAt,
  updated_at: ({ updatedAt }) => updatedAt,
};

/** Columns that a list may be sorted by, of one of the queries that a page is made of. */
type Columns = Readonly<Record<SortKey, RawBuilder<unknown>>>;

/** One of the ways in which images belong on a list. */
interface Way {
  /** FROM and the first conditions. */
  readonly from: RawBuilder<unknown>;
  /** Where an index has them in the order of the page. */
  readonly columns: Columns;
}

/** Pages of images. */
export class ImageList {
  readonly #db: Database<Tables>;

  constructor(db: Database<Tables>) {
    this.#db = db;
  }

  /**
   * A page, and at most `limit` images. Each way in which an image may concern the viewer is a query of its
   * own that walks an index in the order of the page and stops when it has enough, so that a page costs the
   * same whatever the number of images.
   */
  async page(viewer: ListViewer, request: PageRequest): Promise<FoundImage[]> {
    const { sort, limit, after } = request;
    const filters = filterConditions(request.filters);
    const ways = waysOf(viewer, request).map(({ from, columns }) => {
      const conditions = sql.join([from, ...filters, ...afterCondition(columns, sort, after)], sql` AND `);
      return sql`(SELECT i.id FROM ${conditions} ORDER BY ${orderBy(columns, sort)} LIMIT ${limit})`;
    });
    if (ways.length === 0) return [];
    return await selectImages(
      this.#db.kysely,
      viewer.projectId,
      sql`WHERE i.id IN (${sql.join(ways, sql` UNION ALL `)}) ORDER BY ${orderBy(SORTED, sort)} LIMIT ${limit}`,
    );
  }
}

const orderBy = (columns: Columns, sort: readonly SortField[]): RawBuilder<unknown> =>
  sql.join(sort.map(({ key, descending }) => sql`${columns[key]} ${descending ? sql`DESC` : sql`ASC`}`));

/** The ways in which an image may belong on the list; no image is on two. */
function waysOf(viewer: ListViewer, request: PageRequest): Way[] {
  const { projectId } = viewer;
  const { visibility, texts } = request.filters;
  const way = (...conditions: readonly RawBuilder<unknown>[]): Way => ({
    from: sql`images i WHERE ${sql.join(conditions, sql` AND `)}`,
    columns: SORTED,
  });
  const of = (wanted: string): RawBuilder<unknown> => sql`i.visibility = ${wanted}`;
  const isOwn = sql`i.owner = ${projectId}`;
  const isOthers = sql`i.owner IS DISTINCT FROM ${projectId}`;
  const owner = texts.find(({ column }) => column === 'owner')?.values[0];
  if (viewer.isAdmin) {
    if (visibility !== undefined && visibility !== 'all') return [way(of(visibility))];
    // A project's are walked by themselves; all images, visibility by visibility.
    const withCommunity = visibility === 'all';
    if (owner !== undefined)
      return [withCommunity ? way(sql`true`) : way(sql`(i.visibility <> 'community' OR ${isOwn})`)];
    return VISIBILITIES.map((each) =>
      each === 'community' && !withCommunity ? way(of(each), isOwn) : way(of(each)),
    );
  }
  // Whose they are to be: others' images are not looked for among one's own, nor the other way round.
  const own = (...conditions: readonly RawBuilder<unknown>[]): Way[] =>
    owner === undefined || owner === projectId ? [way(isOwn, ...conditions)] : [];
  const others = (wanted: string): Way[] => (owner === projectId ? [] : [way(of(wanted), isOthers)]);
  const shared = (): Way[] => {
    const ownerless = owner === undefined ? [way(of('shared'), sql`i.owner IS NULL`)] : [];
    return owner === projectId ? [] : [sharedWay(projectId, request), ...ownerless];
  };
  switch (visibility) {
    case 'public':
    case 'community':
      return [way(of(visibility))];
    case 'private':
      return own(of('private'));
    case 'shared':
      return [...own(of('shared')), ...shared()];
    case 'all':
      return [...own(), ...others('public'), ...others('community'), ...shared()];
    case undefined:
      return [...own(), ...others('public'), ...shared()];
  }
}

/** Where the order of a page is that in which images were made, who shares them knows it without looking at them. */
const SHARED_IN_ORDER: Columns = {
  ...SORTED,
  created_at: sql`m.image_created_at`,
  id: sql`m.image_id`,
};

/** What others share with a project. */
function sharedWay(projectId: string, { filters: { memberStatus }, sort }: PageRequest): Way {
  const isAccepted = memberStatus === 'all' ? sql`true` : sql`m.status = ${memberStatus}`;
  const isShared = sql`i.visibility = 'shared' AND i.owner <> ${projectId}`;
  if (sort.every(({ key }) => key === 'created_at' || key === 'id'))
    return {
      from: sql`members m JOIN images i ON i.id = m.image_id
        WHERE m.member_id = ${projectId} AND ${isAccepted} AND ${isShared}`,
      columns: SHARED_IN_ORDER,
    };
  // Looked up first, whatever the order of the page: what is shared with one project is not much of everything.
  return {
    from: sql`images i WHERE i.id = ANY (ARRAY(SELECT m.image_id FROM members m
      WHERE m.member_id = ${projectId} AND ${isAccepted})) AND ${isShared}`,
    columns: SORTED,
  };
}

function filterConditions(filters: ImageFilters): RawBuilder<unknown>[] {
  return [
    sql`i.deleted_at IS NULL`,
    sql`i.status <> 'killed'`,
    filters.hidden ? sql`i.hidden` : sql`NOT i.hidden`,
    ...(filters.protected === undefined ? [] : [sql`i.protected = ${filters.protected}`]),
    ...filters.texts.map(({ column, values }) => textCondition(column, values)),
    ...filters.numbers.map(({ column, operator, value }) =>
      // What is no number compares with none.
      Number.isNaN(value)
        ? sql`false`
        : sql`${sql.ref(`i.${column}`)} ${sql.raw(operator)} ${value}::numeric`,
    ),
    ...filters.times.map(({ column, operator, value }) =>
      timeCondition(sql.ref(`i.${column}`), operator, value),
    ),
    ...filters.tags.map((tag) => sql`EXISTS (SELECT FROM tags t WHERE t.image_id = i.id AND t.tag = ${tag})`),
    ...filters.properties.map(({ name, value }) => propertyCondition(name, value)),
  ];
}

/** As much of a value as its index holds. */
const INDEXED_LENGTH = 255;

/** What the index says already is not said again: counted twice, it would make a common value look rare. */
function propertyCondition(name: string, value: string): RawBuilder<unknown> {
  const isWhole = Array.from(value).length < INDEXED_LENGTH;
  const rest = isWhole ? sql`true` : sql`p.value = ${value}`;
  return sql`EXISTS (SELECT FROM properties p WHERE p.image_id = i.id
    AND p.name = ${name} AND left(p.value, 255) = left(${value}, 255) AND ${rest})`;
}

/** By the expression that has an index. An empty text is not the same as none. */
function textCondition(column: TextColumn, values: readonly string[]): RawBuilder<unknown> {
  const condition = sql`${columnOf(column)} IN (${sql.join(values)})`;
  const isNullable = column === 'name' || column === 'container_format' || column === 'disk_format';
  return isNullable && values.includes('')
    ? sql`${condition} AND ${sql.ref(`i.${column}`)} IS NOT NULL`
    : condition;
}

/**
 * Glance shows and compares whole seconds; the bounds are moved instead of the column, so that an index
 * serves.
 */
function timeCondition(column: RawBuilder<unknown>, operator: Operator, value: Date): RawBuilder<unknown> {
  const seconds = value.getTime() / 1_000;
  const from = new Date(Math.ceil(seconds) * 1_000);
  const behind = new Date((Math.floor(seconds) + 1) * 1_000);
  switch (operator) {
    case '>':
      return sql`${column} >= ${behind}`;
    case '>=':
      return sql`${column} >= ${from}`;
    case '<':
      return sql`${column} < ${from}`;
    case '<=':
      return sql`${column} < ${behind}`;
    case '=':
      return sql`(${column} >= ${from} AND ${column} < ${behind})`;
    case '<>':
      return sql`(${column} < ${from} OR ${column} >= ${behind})`;
  }
}

function columnOf(column: TextColumn): RawBuilder<unknown> {
  switch (column) {
    case 'name':
    case 'status':
    case 'container_format':
    case 'disk_format':
      return SORTED[column];
    case 'os_hash_algo':
      return sql.ref('i.hash_algo');
    case 'os_hash_value':
      return sql.ref('i.hash_value');
    default:
      return sql.ref(`i.${column}`);
  }
}

/** What comes behind the last image of the page before. */
function afterCondition(
  columns: Columns,
  sort: readonly SortField[],
  after: FoundImage | undefined,
): RawBuilder<unknown>[] {
  if (!after) return [];
  const fields = sort.map(({ key, descending }) => ({
    column: columns[key],
    value: sql`${valueOf[key](after)}`,
    descending,
  }));
  const [first] = fields;
  if (first && fields.every(({ descending }) => descending === first.descending)) {
    // One comparison of rows, which an index can serve.
    const columns = sql.join(fields.map(({ column }) => column));
    const values = sql.join(fields.map(({ value }) => value));
    return [sql`(${columns}) ${sql.raw(first.descending ? '<' : '>')} (${values})`];
  }
  const steps = fields.map(({ column, value, descending }, index) => {
    const before = fields.slice(0, index).map((field) => sql`${field.column} = ${field.value}`);
    const behind = sql`${column} ${sql.raw(descending ? '<' : '>')} ${value}`;
    return sql`(${sql.join([...before, behind], sql` AND `)})`;
  });
  return [sql`(${sql.join(steps, sql` OR `)})`];
}
