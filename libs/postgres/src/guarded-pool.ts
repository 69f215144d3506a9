import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely';
import type { Pool, PoolClient, QueryResult } from 'pg';
import { databaseError, isConnectionGone, unreachable } from './database-error.ts';

/** The pool as Kysely sees it: failures are ours (`databaseError`), and a connection that broke is never used again. */
export class GuardedPool implements PostgresPool {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  get options(): object {
    return this.#pool.options;
  }

  async connect(): Promise<PostgresPoolClient> {
    try {
      return new GuardedClient(await this.#pool.connect());
    } catch (error) {
      throw unreachable(error);
    }
  }

  async end(): Promise<void> {
    await this.#pool.end();
  }
}

class GuardedClient implements PostgresPoolClient {
  readonly #client: PoolClient;
  #isBroken = false;

  constructor(client: PoolClient) {
    this.#client = client;
  }

  query<R>(text: string, values: readonly unknown[]): Promise<PostgresQueryResult<R>>;
  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>;
  query<R>(
    query: string | PostgresCursor<R>,
    values: readonly unknown[] = [],
  ): Promise<PostgresQueryResult<R>> | PostgresCursor<R> {
    if (typeof query !== 'string') throw new Error('Cursors are not configured.');
    return this.#query<R>(query, values);
  }

  release(destroy = false): void {
    this.#client.release(destroy || this.#isBroken);
  }

  async #query<R>(text: string, values: readonly unknown[]): Promise<PostgresQueryResult<R>> {
    // The server has rolled back what came over a connection that broke; the first failure is the one to tell.
    if (this.#isBroken && text === 'rollback') return { command: 'ROLLBACK', rowCount: 0, rows: [] };
    try {
      const result: QueryResult = await this.#client.query(text, [...values]);
      return result as PostgresQueryResult<R>;
    } catch (error) {
      this.#isBroken ||= isConnectionGone(error);
      throw databaseError(error);
    }
  }
}
