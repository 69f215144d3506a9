import type { IncomingHttpHeaders } from 'node:http';
import { isCarriedRequestId, newRequestId } from '@hallmark/runtime';
import { HttpFailure } from '../http/http-failure.ts';

const HEADER = 'x-openstack-request-id';
const PREFIX = 'req-';
/** Glance's `max_request_id_length`. */
const LONGEST = 64;

/**
 * The id that a client gave its request, which begins with `req-` from now on, or a new one. One with other
 * characters than ids have would mean something to a log or a terminal; it is replaced.
 */
export function requestIdOf(headers: IncomingHttpHeaders): string {
  const given = headers[HEADER];
  if (typeof given !== 'string' || given.length > LONGEST) return newRequestId();
  const id = given.startsWith(PREFIX) ? given : PREFIX + given;
  return isCarriedRequestId(id) ? id : newRequestId();
}

/** @throws HttpFailure 431 for an id that is too long. */
export function requireShortId(headers: IncomingHttpHeaders): void {
  const given = headers[HEADER];
  if (typeof given !== 'string' || given.length <= LONGEST) return;
  throw new HttpFailure(431, 'REQUEST_ID_TOO_LONG', `${HEADER} is too long, max size ${LONGEST}`);
}
