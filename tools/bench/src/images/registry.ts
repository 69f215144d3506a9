import { createHash } from 'node:crypto';
import { Client } from 'pg';

/** Ids are made of numbers, here and in SQL, so that nobody must read a million of them. */
export function imageNumber(number: number): string {
  const digest = createHash('md5').update(`hallmark-bench-${number}`).digest('hex');
  return digest.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** The images in PostgreSQL, made by the thousand without anybody having created them. */
export class ImageRegistry implements AsyncDisposable {
  readonly #client: Client;

  private constructor(client: Client) {
    this.#client = client;
  }

  /** `project` is the one whose lists are measured. */
  static async connect(url: string, project: string): Promise<ImageRegistry> {
    const client = new Client({ connectionString: url });
    await client.connect();
    // Millions of references that are right by the way they are made need not be looked up one by one.
    await client.query("SET search_path = images; SET session_replication_role = 'replica'");
    await client.query("SELECT set_config('bench.project', $1, false)", [project]);
    return new ImageRegistry(client);
  }

  /** Makes the images with the numbers from `first` to `last`. */
  async fill(first: number, last: number): Promise<void> {
    // Made anew over all rows at once, indexes take a tenth of the time that they take row by row.
    const { rows } = await this.#client.query<{ name: string; definition: string }>(SECONDARY_INDEXES);
    for (const { name } of rows) await this.#client.query(`DROP INDEX ${name}`);
    for (const insert of INSERTS) await this.#client.query(insert, [first, last]);
    for (const { definition } of rows) await this.#client.query(definition);
    // What it knows of the tables decides how it looks things up, and autovacuum would do this at a time of its own.
    await this.#client.query('VACUUM (ANALYZE) images, properties, tags, members, locations');
    // Nor is anything that was written here still to be written to the disk while others measure.
    await this.#client.query('CHECKPOINT');
  }

  /** Removes every image there is. */
  async clear(): Promise<void> {
    await this.#client.query('TRUNCATE images, properties, tags, members, locations, tasks');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.end();
  }
}

/** Of the tables that are filled, all but their primary keys. */
const SECONDARY_INDEXES = `
  SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition
  FROM pg_index i
  WHERE i.indrelid IN ('images'::regclass, 'properties'::regclass, 'tags'::regclass, 'members'::regclass, 'locations'::regclass)
    AND NOT i.indisprimary
`;

/** A number that is the same for the same image, and has nothing to do with those of another salt. */
const draw = (salt: number, below: number): string =>
  `((hashint4extended(n, ${salt}) & 1073741823) % ${below})`;

/**
 * The first thousand have more of what lists look for, so that a page of theirs is as full as one of a million:
 * what costs more is then the number of images, not the length of the answer.
 */
const ofFirst = (first: string, others: string): string =>
  `(CASE WHEN n <= 1000 THEN ${first} ELSE ${others} END)`;

const ID = "md5('hallmark-bench-' || n)::uuid::text";
const CREATED_AT = "'2025-01-01'::timestamptz + n * interval '20 seconds'";
/** A fifth of the first thousand, so that a page of theirs is full; of the rest one in 500. */
const IS_OWN = `(n <= 1000 AND ${draw(1, 5)} = 0 OR ${draw(1, 500)} = 0)`;
/** A tenth of the first thousand are public; of the rest, most of which are snapshots and backups, one in 100. */
const VISIBILITY = `(CASE
    WHEN n > 1000 AND ${draw(3, 10)} = 0 AND ${draw(13, 10)} <> 0 THEN 'private'
    ELSE (ARRAY['public', 'community', 'private', 'private', 'private', 'private',
      'shared', 'shared', 'shared', 'shared'])[1 + ${draw(3, 10)}] END)`;
/** A fifth of what others share of the first thousand; of the rest one in 1000, since every one is accepted by hand. */
const IS_SHARED_WITH_US = `(${VISIBILITY} = 'shared' AND NOT ${IS_OWN}
    AND (n <= 1000 AND ${draw(5, 5)} = 0 OR ${draw(5, 1000)} = 0))`;

const IMAGES = `
  INSERT INTO images (
    id, name, status, visibility, protected, hidden, owner, container_format, disk_format, min_disk, min_ram,
    size, virtual_size, checksum, hash_algo, hash_value, created_at, updated_at
  )
  SELECT
    ${ID},
    -- A quarter have names that many others have too, of the first thousand one of four.
    CASE WHEN ${draw(6, 4)} = 0 THEN 'distribution-' || ${ofFirst(draw(7, 4), draw(7, 20))} ELSE 'image-' || n END,
    coalesce((ARRAY['queued', 'deactivated', 'importing'])[1 + ${ofFirst(draw(8, 6), draw(8, 60))}], 'active'),
    ${VISIBILITY}, ${draw(9, 20)} = 0, ${ofFirst(draw(4, 8), draw(4, 100))} = 0,
    CASE WHEN ${IS_OWN} THEN current_setting('bench.project') ELSE md5('hallmark-bench-project-' || ${draw(2, 1000)}) END,
    'bare', (ARRAY['qcow2', 'qcow2', 'raw', 'iso'])[1 + ${draw(10, 4)}], 0, 0,
    ${draw(11, 1_000_000)} * 10000, NULL, md5('data' || n), 'sha512', repeat(md5('data' || n), 4),
    ${CREATED_AT},
    '2025-01-01'::timestamptz + (n + ${draw(12, 10_000)}) * interval '20 seconds'
  FROM generate_series($1::integer, $2::integer) AS n
`;

const PROPERTIES = `
  INSERT INTO properties (image_id, name, value)
  SELECT ${ID}, p.name, p.value
  FROM generate_series($1::integer, $2::integer) AS n, LATERAL (VALUES
    ('os_distro', (ARRAY['debian', 'ubuntu', 'fedora', 'windows'])[1 + ${draw(20, 4)}]),
    ('hw_disk_bus', (ARRAY['virtio', 'scsi'])[1 + ${draw(21, 2)}]),
    ('build', 'b-' || n),
    -- As many of them, however many images there are.
    (CASE WHEN n <= 1000 AND ${draw(22, 10)} = 0 THEN 'seldom' END, 'yes')
  ) AS p (name, value)
  WHERE p.name IS NOT NULL
`;

const TAGS = `
  INSERT INTO tags (image_id, tag)
  SELECT ${ID}, t.tag
  FROM generate_series($1::integer, $2::integer) AS n, LATERAL (VALUES
    (CASE WHEN ${draw(30, 2)} = 0 THEN 'often' END),
    (CASE WHEN n <= 1000 AND ${draw(31, 10)} = 0 THEN 'seldom' END)
  ) AS t (tag)
  WHERE t.tag IS NOT NULL
`;

const MEMBERS = `
  INSERT INTO members (image_id, member_id, status, image_created_at)
  SELECT ${ID}, m.member, (ARRAY['accepted', 'accepted', 'pending', 'rejected'])[1 + ${draw(40, 4)}], ${CREATED_AT}
  FROM generate_series($1::integer, $2::integer) AS n, LATERAL (VALUES
    (CASE WHEN ${IS_SHARED_WITH_US} THEN current_setting('bench.project') END),
    (CASE WHEN ${VISIBILITY} = 'shared' THEN md5('hallmark-bench-project-' || 1000 + ${draw(41, 1000)}) END)
  ) AS m (member)
  WHERE m.member IS NOT NULL
`;

const LOCATIONS = `
  INSERT INTO locations (image_id, store_id, url)
  SELECT ${ID}, 'default', 'file:///nowhere/' || n
  FROM generate_series($1::integer, $2::integer) AS n
`;

const INSERTS = [IMAGES, PROPERTIES, TAGS, MEMBERS, LOCATIONS] as const;
