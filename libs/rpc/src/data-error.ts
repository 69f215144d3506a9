import { HallmarkError, unavailable, type ErrorCode } from '@hallmark/errors';
import { isErrorCode } from './status.ts';

/**
 * Status of an error on the data plane. It tells whoever watches the wire; programs read the code in
 * the body, because several share a status.
 */
const HTTP_STATUS = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'not-ready': 409,
  'over-quota': 413,
  unavailable: 503,
  timeout: 504,
} satisfies Record<ErrorCode, number>;

/** What a thrown thing becomes. A stranger becomes 500 and says nothing. */
export function renderError(thrown: unknown): { readonly status: number; readonly body: string } {
  if (!(thrown instanceof HallmarkError)) return { status: 500, body: '{"error":{}}' };
  const { code, reason, message, retryAfterSeconds } = thrown;
  return {
    status: HTTP_STATUS[code],
    body: JSON.stringify({ error: { code, reason, message, retryAfterSeconds } }),
  };
}

/** The error that a rendered one was made of. `peer` names the other side for a person. */
export function parseError(status: number, body: string, peer: string): Error {
  const { code, reason, message, retryAfterSeconds } = errorMember(body);
  if (!isErrorCode(code) || typeof reason !== 'string' || typeof message !== 'string') {
    return new Error(`${peer} failed with status ${status}.`);
  }
  if (reason === 'PEER_NOT_ALLOWED') {
    // Our own certificate was refused: for whoever called us that is an outage, not a verdict on them.
    return unavailable(reason, `${peer} does not admit this process: ${message}`);
  }
  return new HallmarkError(code, reason, message, {
    retryAfterSeconds: typeof retryAfterSeconds === 'number' ? retryAfterSeconds : undefined,
  });
}

function errorMember(body: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(body);
    if (isObject(parsed) && isObject(parsed['error'])) return parsed['error'];
  } catch {
    // Not from a data listener of ours.
  }
  return {};
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;
