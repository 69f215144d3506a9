import { status, type ServiceError } from '@grpc/grpc-js';
import type { TargetReply } from '../domain/answer.ts';
import { parseRetryAfter } from '../domain/retry-after.ts';
import { failed } from './transport.ts';

/** What a status would be over HTTP, so that breaker and policies know one language. */
const HTTP_STATUS: Readonly<Partial<Record<status, number>>> = {
  [status.INVALID_ARGUMENT]: 400,
  [status.OUT_OF_RANGE]: 400,
  [status.FAILED_PRECONDITION]: 400,
  [status.PERMISSION_DENIED]: 403,
  [status.NOT_FOUND]: 404,
  [status.ALREADY_EXISTS]: 409,
  [status.ABORTED]: 409,
  [status.RESOURCE_EXHAUSTED]: 429,
  [status.UNIMPLEMENTED]: 501,
  [status.UNAVAILABLE]: 503,
};

/** How grpc-js words failures of the connection; all of them come as UNAVAILABLE or INTERNAL. */
const TLS = /certificate|altname|\bSSL\b|\bTLS\b|secure TLS|EPROTO/i;
const NOT_CONNECTED =
  /^No connection established|^Name resolution failed|^Failed to connect|ECONNREFUSED|ENOTFOUND/;
const DROPPED = /^Connection dropped|^Received RST_STREAM|ECONNRESET|^Channel has been shut down/;
const TOO_LARGE = /^Received message larger than max/;

/**
 * What a failed call says about the target. The text of the error is only looked at: it is the
 * provider's, and may quote what was sent.
 */
export function failureFromServiceError(error: ServiceError, nowMs: number): TargetReply {
  const { code, details } = error;
  const name = status[code];
  if (code === status.UNAUTHENTICATED) {
    return failed('UNAUTHORIZED', 'The target answered with UNAUTHENTICATED.', { status: 401 });
  }
  if (code === status.DEADLINE_EXCEEDED) return failed('TIMEOUT', 'The target did not answer in time.');
  if (code === status.RESOURCE_EXHAUSTED && TOO_LARGE.test(details)) {
    return failed('TOO_LARGE', 'The answer is larger than allowed.');
  }
  if (code === status.UNAVAILABLE || code === status.INTERNAL) {
    if (NOT_CONNECTED.test(details)) {
      return TLS.test(details)
        ? failed('TLS_FAILED', 'No trusted connection to the target.')
        : failed('CONNECT_FAILED', 'No connection to the target.');
    }
    if (DROPPED.test(details)) return failed('RESET', 'The target dropped the connection.');
  }
  const [retryAfter] = error.metadata.get('retry-after');
  return failed('STATUS', `The target answered with ${name}.`, {
    status: HTTP_STATUS[code] ?? 500,
    retryAfterSeconds: parseRetryAfter(retryAfter?.toString(), nowMs),
  });
}
