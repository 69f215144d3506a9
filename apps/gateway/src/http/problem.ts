import { HallmarkError } from '@hallmark/errors';
import { HttpFailure, type BodyFault } from './http-failure.ts';
import { httpStatus, titleOf } from './status.ts';

/** A failed request, as its caller is told. */
export interface Problem {
  readonly status: number;
  readonly reason: string;
  /** Names and values in turn, those of the body included. */
  readonly headers: readonly string[];
  readonly body: Buffer;
  /** What was thrown, where nobody expected it. */
  readonly err?: unknown;
}

/** Statuses with which RFC 9110 knows `Retry-After`. */
const RETRIABLE = new Set([429, 503]);
/** Where nobody said better: long enough for a restart, short enough for a booting guest. */
const RETRY_AFTER_SECONDS = 5;

/**
 * What the caller is told about anything that was thrown. A stranger is a bug or an outage, and says
 * nothing; `challenge` goes with every 401.
 */
export function problemOf(thrown: unknown, challenge: string): Problem {
  if (thrown instanceof HttpFailure) {
    return render(thrown.status, thrown.reason, thrown.message, thrown.headers, thrown.faults);
  }
  if (!(thrown instanceof HallmarkError)) {
    const said = 'The request failed inside Hallmark; its log has the details.';
    return { ...render(500, 'INTERNAL', said, {}), err: thrown };
  }
  const status = httpStatus(thrown.code);
  const headers: Record<string, string> = {};
  if (status === 401) headers['www-authenticate'] = challenge;
  if (RETRIABLE.has(status)) {
    headers['retry-after'] = String(Math.max(1, Math.ceil(thrown.retryAfterSeconds ?? RETRY_AFTER_SECONDS)));
  }
  return render(status, thrown.reason, thrown.message, headers);
}

/** OpenStack's shape of an error, with our stable reason beside it. */
function render(
  status: number,
  reason: string,
  message: string,
  headers: Readonly<Record<string, string>>,
  faults: readonly BodyFault[] = [],
): Problem {
  const error = { code: status, title: titleOf(status), message, reason };
  const body = Buffer.from(JSON.stringify({ error: faults.length === 0 ? error : { ...error, faults } }));
  const ofBody = ['Content-Length', String(body.length), 'Content-Type', 'application/json'];
  return { status, reason, headers: [...Object.entries(headers).flat(), ...ofBody], body };
}
