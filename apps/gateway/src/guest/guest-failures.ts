import { HttpFailure } from '../http/http-failure.ts';

/**
 * Why a guest gets no answer, in Nova's words. The reason is for our log; a guest reads the status and the
 * sentence, which are the same for all that it must not tell apart.
 */

export const headerMissing = (name: string): HttpFailure =>
  new HttpFailure(400, 'HEADER_MISSING', `${name} header is missing from request.`);

export const badSignature = (): HttpFailure =>
  new HttpFailure(403, 'SIGNATURE_INVALID', 'Invalid proxy request signature.');

/** Whether the path, the instance or its project is another than was asked for. */
export const notFound = (
  reason: 'PATH_UNKNOWN' | 'INSTANCE_UNKNOWN' | 'PROJECT_MISMATCH' | 'ADDRESS_UNKNOWN' | 'DOCUMENT_UNKNOWN',
): HttpFailure => new HttpFailure(404, reason, 'The resource could not be found.');

/** What was asked of another service could not be had, or nobody knows what went wrong. */
export const unknownError = (reason: string): HttpFailure =>
  new HttpFailure(500, reason, 'An unknown error has occurred. Please try your request again.');

/** Where nobody said better: long enough for a restart, short enough for a booting guest. */
const RETRY_AFTER_SECONDS = 5;

export const unavailable = (reason: string, retryAfterSeconds = RETRY_AFTER_SECONDS): HttpFailure =>
  new HttpFailure(
    503,
    reason,
    'The server is currently unavailable. Please try again at a later time.',
    retryAfter(retryAfterSeconds),
  );

/**
 * Whether the records themselves are out of reach, so that nobody can change them either. A service that cannot
 * be asked is another thing: others may reach it and change what it keeps.
 */
export const isDatabaseAway = (failure: unknown): boolean =>
  failure instanceof HttpFailure && failure.reason === 'DATABASE_UNAVAILABLE';

export const tooManyRequests = (retryAfterSeconds: number): HttpFailure =>
  new HttpFailure(
    429,
    'RATE_LIMITED',
    'This instance makes too many requests. Please try again later.',
    retryAfter(retryAfterSeconds),
  );

const retryAfter = (seconds: number): Record<string, string> => ({
  'Retry-After': String(Math.max(1, Math.ceil(seconds))),
});
