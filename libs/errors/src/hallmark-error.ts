/**
 * What kind of failure it is, as far as a caller can act on it. Mapped to gRPC in
 * `libs/rpc/src/status.ts` and to HTTP in `apps/gateway/src/http/status.ts`, and nowhere else.
 */
export type ErrorCode =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not-found'
  | 'conflict'
  | 'not-ready'
  | 'over-quota'
  | 'unavailable'
  | 'timeout';

export interface HallmarkErrorOptions extends ErrorOptions {
  /** In how many seconds a repeat may succeed. Becomes `Retry-After` at the edge. */
  retryAfterSeconds?: number;
}

/**
 * A failure that its caller can act on. Anything else that is thrown is a bug or an outage, and
 * reaches the outside only as "internal error".
 */
export class HallmarkError extends Error {
  override readonly name = 'HallmarkError';
  readonly code: ErrorCode;
  /** UPPER_SNAKE_CASE, never changes, and is what programs compare. */
  readonly reason: string;
  readonly retryAfterSeconds: number | undefined;

  /** `message` is one sentence for a person: what, where, what to do. It never holds a secret. */
  constructor(code: ErrorCode, reason: string, message: string, options: HallmarkErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.reason = reason;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

type Constructor = (reason: string, message: string, options?: HallmarkErrorOptions) => HallmarkError;

const constructorFor =
  (code: ErrorCode): Constructor =>
  (reason, message, options) =>
    new HallmarkError(code, reason, message, options);

/** The request itself is wrong; repeating it unchanged is useless. */
export const invalid = constructorFor('invalid');
/** Nobody knows who is asking. */
export const unauthenticated = constructorFor('unauthenticated');
/** The caller is known and may not. */
export const forbidden = constructorFor('forbidden');
/** There is no such thing, or the caller may not know of it. */
export const notFound = constructorFor('not-found');
/** Another request got there first. */
export const conflict = constructorFor('conflict');
/** The thing exists but its state does not allow this. */
export const notReady = constructorFor('not-ready');
/** A limit of size, number or rate is reached. */
export const overQuota = constructorFor('over-quota');
/** Something this depends on is down; a repeat may succeed. */
export const unavailable = constructorFor('unavailable');
/** The time allowed has passed. */
export const timeout = constructorFor('timeout');
