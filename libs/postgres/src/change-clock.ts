import { sql, type QueryExecutorProvider } from 'kysely';
import type { Migration } from './migrations.ts';

/**
 * The clock of changes of one app, for all replicas: versions are milliseconds since 1970, made strictly
 * growing, and their order is the order in which the changes were committed. The app's migrations include
 * `ChangeClock.migration`.
 */
export class ChangeClock {
  static readonly migration: Migration = {
    name: 'hallmark-changes-1',
    sql: `
      CREATE TABLE changes (
        singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
        last bigint NOT NULL
      );
      INSERT INTO changes (last) VALUES (0);
    `,
  };

  /** The channel on which changes are announced, for `Notifications`. */
  readonly channel: string;

  constructor(channel: string) {
    this.channel = channel;
  }

  /**
   * The version of the change that this transaction makes. The row stays locked until the transaction ends:
   * all that change take turns from here on, so call it late and commit soon.
   */
  async advance(tx: QueryExecutorProvider): Promise<number> {
    const { rows } = await sql<{ last: string }>`
      UPDATE changes SET last = greatest(${NOW_MS}, last + 1) RETURNING last
    `.execute(tx);
    return versionOf(rows);
  }

  /** Tells every replica, this one too, when the transaction is committed and not before. At most 7,999 bytes. */
  async announce(tx: QueryExecutorProvider, payload: string): Promise<void> {
    await sql`SELECT pg_notify(${this.channel}, ${payload})`.execute(tx);
  }

  /** The version of the last committed change. What is read after this is at least as new. */
  async current(db: QueryExecutorProvider): Promise<number> {
    const { rows } = await sql<{ last: string }>`SELECT last FROM changes`.execute(db);
    return versionOf(rows);
  }
}

// The server's clock, which is one for all replicas.
const NOW_MS = sql`(extract(epoch FROM clock_timestamp()) * 1000)::bigint`;

function versionOf([row]: readonly { readonly last: string }[]): number {
  if (row === undefined) throw new Error('The table "changes" has lost its row.');
  return Number(row.last);
}
