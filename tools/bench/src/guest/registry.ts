import { createHash } from 'node:crypto';
import { Client } from 'pg';

/** The project of the instances that are made here. Its targets all answer. */
export const PROJECT = '6f0b5d0c8f5c4d8f9a3b8e0f2d1c7a90';
/** The project of those whose guests crawl. One of its targets is dead. */
export const CRAWLING_PROJECT = '6f0b5d0c8f5c4d8f9a3b8e0f2d1c7a91';

/** An instance of the bench, by its number. */
export interface Numbered {
  readonly id: string;
  readonly projectId: string;
}

/** Ids are made of numbers, here and in `insert`, so that nobody must read a million of them. */
export function instanceNumber(number: number, projectId = PROJECT): Numbered {
  const digest = createHash('md5').update(`hallmark-bench-${number}`).digest('hex');
  return { id: digest.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'), projectId };
}

/** The instances in PostgreSQL, made by the thousand without anybody having booted them. */
export class BenchRegistry implements AsyncDisposable {
  readonly #client: Client;

  private constructor(client: Client) {
    this.#client = client;
  }

  static async connect(url: string): Promise<BenchRegistry> {
    const client = new Client({ connectionString: url });
    await client.connect();
    return new BenchRegistry(client);
  }

  /** Makes the instances with the numbers from `first` to `last`. */
  async fill(first: number, last: number, projectId = PROJECT): Promise<void> {
    await this.#client.query(insert, [first, last, projectId]);
    // What it knows of the table decides how it looks things up, and autovacuum would do this at a time of its own.
    await this.#client.query('VACUUM (ANALYZE) instances.instances');
  }

  /** Makes everybody forget what they keep of instances, as a change of the configuration does. */
  async forgetAll(): Promise<void> {
    await this.#client.query(forget);
  }

  /** Ids of instances with a config drive, newest first. */
  async drives(limit: number): Promise<string[]> {
    const text = 'SELECT instance_id FROM instances.config_drives ORDER BY created_at DESC LIMIT $1';
    const { rows } = await this.#client.query<{ instance_id: string }>(text, [limit]);
    return rows.map((row) => row.instance_id);
  }

  /** How many instances are neither there nor going to be. */
  async failed(): Promise<number> {
    const text = "SELECT count(*)::integer AS failed FROM instances.instances WHERE status = 'ERROR'";
    const { rows } = await this.#client.query<{ failed: number }>(text);
    return rows[0]?.failed ?? NaN;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.end();
  }
}

const insert = `
  INSERT INTO instances.instances (
    id, project_id, user_id, boot_roles, name, hostname, image_id, flavor, availability_zone, launch_index,
    reservation_id, user_data, metadata, keypair, network_data, devices, dedicated_cpus, security_groups,
    fixed_ipv4, block_devices, personality_paths, personality_contents, config_drive, random_seed,
    ec2_image, root_device, status
  )
  SELECT
    md5('hallmark-bench-' || n)::uuid, $3, '5c1a1f0f7bd94c6f8a2c2f3d8a1b0c9e', '{member,reader,mail-operator}',
    'mail-' || n, 'mail-' || n, '75a74383-f276-4774-8074-8c4e3ff2ca64', 'm1.small', 'nova', 0,
    'r-' || lpad((n % 100000000)::text, 8, '0'), 'IyEvYmluL3NoCmVjaG8gaGkK',
    '[{"key": "role", "value": "mail"}, {"key": "ipa_enroll", "value": "True"}]',
    '{"name": "key", "type": "ssh", "publicKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHhmcm9tLXRoZS1iZW5jaA== bench"}',
    '{"links": [], "networks": [], "services": []}', '[]', '{}', '{default}',
    '10.' || (n / 65536) % 256 || '.' || (n / 256) % 256 || '.' || n % 256,
    '[]', '{}', '{}', false, decode(repeat(md5(n::text), 32), 'hex'), 1, '/dev/vda', 'ACTIVE'
  FROM generate_series($1::integer, $2::integer) AS n
`;

const forget = `
  WITH clock AS (
    UPDATE instances.changes
    SET last = greatest((extract(epoch FROM clock_timestamp()) * 1000)::bigint, last + 1) RETURNING last
  )
  SELECT pg_notify('instances_changes', json_build_object('kind', 'changed', 'id', '', 'version', last)::text)
  FROM clock
`;
