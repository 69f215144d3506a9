import { createHash, randomBytes } from 'node:crypto';
import { sql, type QueryExecutorProvider } from 'kysely';
import type { JsonValue } from '@hallmark/runtime';
import type { Migration } from './migrations.ts';

/** Long enough to come back with it at once; nobody holds on to one. */
const TTL_SECONDS = 30;
/** More than one, so that expired ones cannot pile up. */
const SWEPT_PER_ISSUE = 10;
const TICKET_BYTES = 32;

/**
 * Single-use tickets, which any replica redeems. Whoever shows one has come by it over an authenticated call,
 * and only its digest is stored. The app's migrations include `Tickets.migration`.
 */
export class Tickets {
  static readonly migration: Migration = {
    name: 'hallmark-tickets-1',
    sql: `
      CREATE TABLE tickets (
        digest bytea PRIMARY KEY,
        kind text NOT NULL,
        payload text NOT NULL,
        expires_at timestamptz NOT NULL
      );
      CREATE INDEX tickets_by_expiry ON tickets (expires_at);
    `,
  };

  readonly #db: QueryExecutorProvider;

  constructor({ kysely }: { readonly kysely: QueryExecutorProvider }) {
    this.#db = kysely;
  }

  /** A ticket for one thing of this kind, of 43 characters that need no escaping anywhere. */
  async issue(kind: string, payload: JsonValue, ttlSeconds = TTL_SECONDS): Promise<string> {
    const ticket = randomBytes(TICKET_BYTES).toString('base64url');
    await sql`
      WITH swept AS (
        DELETE FROM tickets WHERE digest IN (
          SELECT digest FROM tickets WHERE expires_at <= now()
          ORDER BY expires_at LIMIT ${SWEPT_PER_ISSUE} FOR UPDATE SKIP LOCKED
        )
      )
      INSERT INTO tickets (digest, kind, payload, expires_at)
      VALUES (${digestOf(ticket)}, ${kind}, ${JSON.stringify(payload)}, now() + ${ttlSeconds} * interval '1 second')
    `.execute(this.#db);
    return ticket;
  }

  /** What the ticket is for. Undefined for one that is unknown, of another kind, expired, or used: one caller gets it. */
  async redeem(kind: string, ticket: string): Promise<JsonValue | undefined> {
    const { rows } = await sql<{ payload: string }>`
      DELETE FROM tickets WHERE digest = ${digestOf(ticket)} AND kind = ${kind} AND expires_at > now()
      RETURNING payload
    `.execute(this.#db);
    return rows[0] && (JSON.parse(rows[0].payload) as JsonValue);
  }
}

const digestOf = (ticket: string): Buffer => createHash('sha256').update(ticket).digest();
