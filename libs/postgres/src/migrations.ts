import { setTimeout as wait } from 'node:timers/promises';
import { sql, type QueryExecutorProvider } from 'kysely';
import { HallmarkError } from '@hallmark/errors';
import type { Database } from './database.ts';

/** One step from an empty schema to the present one. It never changes once it has been released. */
export interface Migration {
  /** Unique in its app, and what is remembered as done. */
  readonly name: string;
  /** As many statements as needed, without BEGIN and COMMIT. Names without a schema are in the app's own. */
  readonly sql: string;
}

/** One key for all schemas: they are migrated one after the other, seldom and fast. */
const LOCK = 0x68616c6c; // "hall"
const RETRY_MS = 500;

/**
 * Makes the schema if need be and does the migrations that have not been done, in the order of the list, all
 * of them in one transaction. Any number of processes may do this at once: one does the work, the others wait
 * for it. What a newer release has done is left alone, so that an older one can run beside it.
 */
export async function migrate<Schema>(
  db: Database<Schema>,
  migrations: readonly Migration[],
): Promise<readonly string[]> {
  return await db.transaction(async (tx) => {
    await sql`
      SELECT set_config('statement_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true)
    `.execute(tx);
    await sql`SELECT pg_advisory_xact_lock(${LOCK})`.execute(tx);
    const done = await namesDone(tx, db.schema);
    const missing = migrations.filter(({ name }) => !done.has(name));
    for (const migration of missing) {
      await sql.raw(migration.sql).execute(tx);
      await sql`INSERT INTO migrations (name) VALUES (${migration.name})`.execute(tx);
    }
    return missing.map(({ name }) => name);
  });
}

async function namesDone(tx: QueryExecutorProvider, schema: string): Promise<ReadonlySet<string>> {
  const found = await sql<{ schema: string | null; migrations: string | null }>`
    SELECT to_regnamespace(${schema})::text AS schema, to_regclass(${`${schema}.migrations`})::text AS migrations
  `.execute(tx);
  // Asked first, because IF NOT EXISTS wants the right to create even where there is nothing to create.
  if (found.rows[0]?.schema === null) await sql`CREATE SCHEMA ${sql.id(schema)}`.execute(tx);
  if (found.rows[0]?.migrations === null) {
    await sql`
      CREATE TABLE migrations (name text PRIMARY KEY, done_at timestamptz NOT NULL DEFAULT now())
    `.execute(tx);
  }
  const { rows } = await sql<{ name: string }>`SELECT name FROM migrations`.execute(tx);
  return new Set(rows.map(({ name }) => name));
}

/** A migration that waits for PostgreSQL. Disposing it ends the waiting. */
export interface Migrating extends AsyncDisposable {
  /** Whether the schema is there. False until then, and readiness should be too. */
  readonly isDone: boolean;
  /** Resolves when the schema is there. Rejects when a migration is refused, or when the waiting was ended. */
  readonly done: Promise<void>;
}

/**
 * Migrates as soon as PostgreSQL can be used, so that an app may start before it. `onDone` is called then,
 * for what can only begin now; what it throws rejects `done`.
 */
export function migrateWhenReachable<Schema>(
  db: Database<Schema>,
  migrations: readonly Migration[],
  onDone: () => void | Promise<void> = () => undefined,
): Migrating {
  const stop = new AbortController();
  let isDone = false;
  const run = async (): Promise<void> => {
    const names = await whenReachable(db, migrations, stop.signal);
    if (names.length > 0)
      db.log.info({ schema: db.schema, migrations: names }, 'the schema has been migrated');
    await onDone();
    isDone = true;
  };
  const done = run();
  return {
    get isDone() {
      return isDone;
    },
    done,
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('The waiting for PostgreSQL was ended.'));
      // Whoever ends the waiting knows that it did not come to an end.
      await done.catch(() => undefined);
    },
  };
}

async function whenReachable<Schema>(
  db: Database<Schema>,
  migrations: readonly Migration[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await migrate(db, migrations);
    } catch (error) {
      if (!(error instanceof HallmarkError && error.code === 'unavailable')) throw error;
      if (attempt === 1) db.log.warn({ err: error.cause }, 'PostgreSQL cannot be used yet; trying on');
      await wait(RETRY_MS, undefined, { signal }).catch(() => undefined); // the reason is thrown above
    }
  }
}
