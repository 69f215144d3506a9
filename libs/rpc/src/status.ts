import { HallmarkError, timeout, unavailable, type ErrorCode } from '@hallmark/errors';
import { Metadata, status, type ServiceError, type StatusObject } from '@grpc/grpc-js';

const STATUS = {
  invalid: status.INVALID_ARGUMENT,
  unauthenticated: status.UNAUTHENTICATED,
  forbidden: status.PERMISSION_DENIED,
  'not-found': status.NOT_FOUND,
  conflict: status.ALREADY_EXISTS,
  'not-ready': status.FAILED_PRECONDITION,
  'over-quota': status.RESOURCE_EXHAUSTED,
  unavailable: status.UNAVAILABLE,
  timeout: status.DEADLINE_EXCEEDED,
} satisfies Record<ErrorCode, status>;

const CODE_KEY = 'hallmark-code';
const REASON_KEY = 'hallmark-reason';
const RETRY_AFTER_KEY = 'hallmark-retry-after';

/**
 * What a thrown thing becomes on the wire. A HallmarkError keeps its code, reason, message and
 * retry-after; a stranger becomes INTERNAL and says nothing.
 */
export function toStatus(thrown: unknown): Partial<StatusObject> & Pick<StatusObject, 'code'> {
  if (!(thrown instanceof HallmarkError)) return { code: status.INTERNAL, details: 'internal error' };
  const metadata = new Metadata();
  metadata.set(CODE_KEY, thrown.code);
  metadata.set(REASON_KEY, thrown.reason);
  if (thrown.retryAfterSeconds !== undefined) {
    metadata.set(RETRY_AFTER_KEY, String(thrown.retryAfterSeconds));
  }
  return { code: STATUS[thrown.code], details: thrown.message, metadata };
}

/** The reason that the peer's code gave; undefined when the transport failed on the way to it. */
export function reasonOf(error: ServiceError): string | undefined {
  return error.metadata.get(REASON_KEY)[0]?.toString();
}

/**
 * The error that a failed call throws at its caller: what the peer threw, or what the transport
 * says of a peer that could not be asked. `peer` names it for a person.
 */
export function fromServiceError(error: ServiceError, peer: string): Error {
  const [code] = error.metadata.get(CODE_KEY);
  const reason = reasonOf(error);
  const [retryAfter] = error.metadata.get(RETRY_AFTER_KEY);
  if (reason !== undefined && isErrorCode(code)) {
    if (reason === 'PEER_NOT_ALLOWED') {
      // Our own certificate was refused: for whoever called us that is an outage, not a verdict on them.
      return unavailable(reason, `${peer} does not admit this process: ${error.details}`, { cause: error });
    }
    return new HallmarkError(code, reason, error.details, {
      cause: error,
      retryAfterSeconds: retryAfter === undefined ? undefined : Number(retryAfter),
    });
  }
  switch (error.code) {
    case status.UNAVAILABLE:
      return unavailable('RPC_UNAVAILABLE', `${peer} cannot be reached.`, {
        cause: error,
        retryAfterSeconds: 1,
      });
    case status.DEADLINE_EXCEEDED:
      return timeout('RPC_DEADLINE_EXCEEDED', `${peer} did not answer in time.`, { cause: error });
    case status.CANCELLED:
      return unavailable('RPC_CANCELLED', `The call to ${peer} was cancelled.`, { cause: error });
    default:
      return new Error(`${peer} failed: ${error.message}`, { cause: error });
  }
}

export function isErrorCode(text: unknown): text is ErrorCode {
  return typeof text === 'string' && Object.hasOwn(STATUS, text);
}
