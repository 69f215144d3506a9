import { HallmarkError } from '@hallmark/errors';
import { HttpFailure } from './http-failure.ts';
import { httpStatus, titleOf } from './status.ts';

/** A failed request, as its caller is told. */
export interface Problem {
  readonly status: number;
  readonly reason: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
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
    return render(thrown.status, thrown.reason, thrown.message, thrown.headers);
  }
  if (!(thrown instanceof HallmarkError)) {
    return render(500, 'INTERNAL', 'The request failed inside Hallmark; its log has the details.', {});
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
): Problem {
  const body = JSON.stringify({ error: { code: status, title: titleOf(status), message, reason } });
  return { status, reason, headers, body: Buffer.from(body) };
}
