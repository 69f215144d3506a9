import { sql, type RawBuilder } from 'kysely';
import type { Database } from '@hallmark/postgres';
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
    const { sort, limit } = request;
    const order = sql.join(sort.map(({ key, descending }) => sql`${SORTED[key]} ${direction(descending)}`));
    const conditions = [...filterConditions(request.filters), ...afterCondition(request)];
    const ways = waysOf(viewer, request.filters).map(
      (way) => sql`
        (SELECT i.id FROM images i
          WHERE ${sql.join([way, ...conditions], sql` AND `)} ORDER BY ${order} LIMIT ${limit})`,
    );
    if (ways.length === 0) return [];
    return await selectImages(
      this.#db.kysely,
      viewer.projectId,
      sql`WHERE i.id IN (${sql.join(ways, sql` UNION ALL `)}) ORDER BY ${order} LIMIT ${limit}`,
    );
  }
}

const direction = (descending: boolean): RawBuilder<unknown> => (descending ? sql`DESC` : sql`ASC`);

/** The ways in which an image may belong on the list; no image is on two. */
function waysOf({ projectId, isAdmin }: ListViewer, filters: ImageFilters): RawBuilder<unknown>[] {
  const { visibility, memberStatus } = filters;
  const of = (wanted: string): RawBuilder<unknown> => sql`i.visibility = ${wanted}`;
  const own = sql`i.owner = ${projectId}`;
  const others = sql`i.owner IS DISTINCT FROM ${projectId}`;
  if (isAdmin) {
    if (visibility === 'all') return [sql`true`];
    if (visibility !== undefined) return [of(visibility)];
    return [sql`i.visibility <> 'community'`, sql`${of('community')} AND ${own}`];
  }
  const isAccepted = memberStatus === 'all' ? sql`true` : sql`m.status = ${memberStatus}`;
  // Looked up first, whatever the order of the page: what is shared with one project is not much of everything.
  const shared = sql`i.id = ANY (ARRAY(SELECT m.image_id FROM members m
      WHERE m.member_id = ${projectId} AND ${isAccepted})) AND ${of('shared')} AND ${others}`;
  const ownerless = sql`${of('shared')} AND i.owner IS NULL`;
  const everybodys = (wanted: string): RawBuilder<unknown> => sql`${of(wanted)} AND ${others}`;
  switch (visibility) {
    case 'public':
    case 'community':
      return [of(visibility)];
    case 'private':
      return [sql`${of('private')} AND ${own}`];
    case 'shared':
      return [sql`${of('shared')} AND ${own}`, sql`${shared} AND i.owner IS NOT NULL`, ownerless];
    case 'all':
      return [
        own,
        everybodys('public'),
        everybodys('community'),
        sql`${shared} AND i.owner IS NOT NULL`,
        ownerless,
      ];
    case undefined:
      return [own, everybodys('public'), sql`${shared} AND i.owner IS NOT NULL`, ownerless];
  }
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
    ...filters.properties.map(
      ({ name, value }) => sql`EXISTS (SELECT FROM properties p WHERE p.image_id = i.id
        AND p.name = ${name} AND left(p.value, 255) = left(${value}, 255) AND p.value = ${value})`,
    ),
  ];
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
function afterCondition({ sort, after }: PageRequest): RawBuilder<unknown>[] {
  if (!after) return [];
  const fields = sort.map(({ key, descending }) => ({
    column: SORTED[key],
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
