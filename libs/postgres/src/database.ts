import { Kysely, PostgresDialect, sql, type Transaction } from 'kysely';
import { Pool, type ClientConfig } from 'pg';
import { HallmarkError, unavailable } from '@hallmark/errors';
import { Gauge, type Logger, type Registry } from '@hallmark/runtime';
import { clientConfig, type PostgresConfig } from './client-config.ts';
import { GuardedPool } from './guarded-pool.ts';

export type { PostgresConfig } from './client-config.ts';

export interface DatabaseOptions {
  /** The app's own schema, which is the search path of its connections. */
  readonly schema: string;
  readonly log: Logger;
  readonly registry: Registry;
}

/**
 * The connections of one worker to PostgreSQL, in one app's schema. Opening it connects to nothing; a server
 * that is down, restarts or fails over makes statements fail with HallmarkError `unavailable`
 * DATABASE_UNAVAILABLE and is used again as soon as it is back. Refused statements are StatementErrors.
 * Columns come as pg gives them: `bigint` as a string, `json` and `jsonb` parsed, `timestamptz` as a Date.
 */
export class Database<Schema> implements AsyncDisposable {
  /** Statements outside transactions, each on any connection. One that fails may have been done nevertheless. */
  readonly kysely: Kysely<Schema>;
  readonly schema: string;
  readonly log: Logger;
  /** For a connection beside the pool. Holds the password. */
  readonly clientConfig: ClientConfig;

  private constructor(pool: Pool, config: ClientConfig, { schema, log }: DatabaseOptions) {
    this.kysely = new Kysely<Schema>({ dialect: new PostgresDialect({ pool: new GuardedPool(pool) }) });
    this.schema = schema;
    this.log = log;
    this.clientConfig = config;
  }

  /** Throws a ConfigError for options that cannot be used. */
  static open<Schema>(config: PostgresConfig, options: DatabaseOptions): Database<Schema> {
    const client = clientConfig(config, options.schema);
    const pool = new Pool({ ...client, max: config.pool_size });
    // What happens to a connection while nobody waits for an answer on it is found out at its next use, and
    // without a listener it would end the process.
    pool.on('error', (err) => options.log.debug({ err }, 'an idle connection to PostgreSQL has ended'));
    pool.on('connect', (connection) => connection.on('error', () => undefined));
    observe(pool, options.registry);
    return new Database<Schema>(pool, client, options);
  }

  /**
   * Runs `work` in one transaction (READ COMMITTED) and commits it, or rolls back when `work` throws. After
   * DATABASE_UNAVAILABLE nothing of it has been done, and the caller may do it all again. When the connection
   * broke while the commit was on its way nobody knows; then the reason is DATABASE_COMMIT_UNKNOWN, and a
   * repeat must first look.
   */
  async transaction<T>(work: (tx: Transaction<Schema>) => Promise<T>): Promise<T> {
    const progress = { isCommitting: false };
    try {
      return await this.kysely.transaction().execute(async (tx) => {
        const result = await work(tx);
        progress.isCommitting = true;
        return result;
      });
    } catch (error) {
      if (
        !progress.isCommitting ||
        !(error instanceof HallmarkError) ||
        error.reason !== 'DATABASE_UNAVAILABLE'
      )
        throw error;
      const message =
        'The connection to PostgreSQL broke during a commit, so it is not known whether the change was made.';
      throw unavailable('DATABASE_COMMIT_UNKNOWN', message, { cause: error.cause });
    }
  }

  /** Whether a statement goes through now. For readiness. */
  async isReachable(): Promise<boolean> {
    try {
      await sql`SELECT 1`.execute(this.kysely);
      return true;
    } catch {
      return false;
    }
  }

  /** Waits for the statements in flight. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kysely.destroy();
  }
}

function observe(pool: Pool, registry: Registry): void {
  new Gauge({
    name: 'hallmark_postgres_connections',
    help: 'Connections of this process to PostgreSQL.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      this.set({ state: 'idle' }, pool.idleCount);
      this.set({ state: 'busy' }, pool.totalCount - pool.idleCount);
    },
  });
  new Gauge({
    name: 'hallmark_postgres_waiting',
    help: 'Statements and transactions that wait for a connection to PostgreSQL.',
    registers: [registry],
    collect() {
      this.set(pool.waitingCount);
    },
  });
}
