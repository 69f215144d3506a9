import { DatabaseError } from 'pg';
import { HallmarkError, unavailable } from '@hallmark/errors';

/**
 * PostgreSQL refused a statement: a constraint, a type, a mistake in the SQL. What PostgreSQL tells of the
 * row itself is left out, since user data and secrets are in it and errors are logged.
 */
export class StatementError extends Error {
  override readonly name = 'StatementError';
  /** Five characters, as in PostgreSQL's table of error codes: `23505`. */
  readonly sqlState: string;
  /** The constraint that was violated. */
  readonly constraint: string | undefined;

  constructor(error: DatabaseError) {
    const sqlState = error.code ?? 'XX000';
    super(
      QUOTES_VALUES.test(sqlState)
        ? `PostgreSQL refused a value (SQLSTATE ${sqlState}).`
        : `PostgreSQL refused a statement (SQLSTATE ${sqlState}): ${error.message}`,
    );
    this.sqlState = sqlState;
    this.constraint = error.constraint;
  }
}

/** Class 22, data exceptions, whose messages quote the value. */
const QUOTES_VALUES = /^22/;

/**
 * The server cannot do its work now, whatever it is asked: connection exceptions (08), refused logins and a
 * missing database (28, 3D, as while it is being set up), no resources (53: disk, memory, connections),
 * shutting down, crashed, starting (57), trouble with its files (58), read-only after a failover (25006), and
 * a session that it ended for being idle (25P03).
 */
const SERVER_DOWN = /^(08|28|3D|53|57|58|25006|25P03)/;
/** Another transaction was in the way: serialization failure, deadlock, a lock that was not given in time. */
const IN_THE_WAY = /^(40001|40P01|55P03)/;

const NETWORK = new Set([
  'EACCES',
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT', // a unix socket
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
]);
/** What pg says without a code when its connection is gone or silent. */
const CONNECTION_GONE =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|Query read timeout|timeout exceeded|Cannot use a pool)/;

/**
 * What a failure of PostgreSQL or of the way to it means: HallmarkError `unavailable` with the reason
 * DATABASE_UNAVAILABLE for everything that a repeat may cure, StatementError for a refused statement. Anything
 * else is given back as it is. `Database` applies it to all that goes through it.
 */
export function databaseError(thrown: unknown): unknown {
  if (thrown instanceof DatabaseError) {
    const sqlState = thrown.code ?? '';
    if (SERVER_DOWN.test(sqlState)) return unreachable(thrown);
    if (IN_THE_WAY.test(sqlState)) {
      const message = 'Another transaction of PostgreSQL was in the way; a repeat may succeed.';
      return unavailable('DATABASE_CONFLICT', message, { cause: new StatementError(thrown) });
    }
    return new StatementError(thrown);
  }
  return isConnectionGone(thrown) ? unreachable(thrown) : thrown;
}

/** Whether the connection on which it happened is of no more use. */
export function isConnectionGone(thrown: unknown): boolean {
  if (!(thrown instanceof Error) || thrown instanceof HallmarkError) return false;
  if (thrown instanceof DatabaseError) return /^(08|57P)/.test(thrown.code ?? '') || thrown.code === '25P03';
  return NETWORK.has(codeOf(thrown) ?? '') || CONNECTION_GONE.test(thrown.message);
}

/** For a failure of which only the way to PostgreSQL can be the cause. */
export function unreachable(cause: unknown): HallmarkError {
  if (cause instanceof HallmarkError) return cause;
  return unavailable('DATABASE_UNAVAILABLE', 'PostgreSQL cannot be used now.', {
    cause: cause instanceof DatabaseError ? new StatementError(cause) : cause,
  });
}

/** Whether a statement failed because a row with that key is there, by this constraint or index if one is named. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  return (
    error instanceof StatementError &&
    error.sqlState === '23505' &&
    (constraint === undefined || error.constraint === constraint)
  );
}

function codeOf(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
