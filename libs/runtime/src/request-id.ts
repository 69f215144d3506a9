import { randomUUID } from 'node:crypto';

const REQUEST_ID = /^req-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** A new OpenStack request id, as `X-Openstack-Request-Id` carries it. */
export function newRequestId(): string {
  return `req-${randomUUID()}`;
}

/** Whether the text is an OpenStack request id. Anything else from outside is replaced, never logged. */
export function isRequestId(text: string): boolean {
  return REQUEST_ID.test(text);
}

const FOREIGN_ID = /^req-[A-Za-z0-9._:-]{1,64}$/;

/**
 * Whether one process of Hallmark may hand this id to another: a new one of ours, or one that a caller of
 * the Image API chose, who expects it in the records of its import.
 */
export function isCarriedRequestId(text: string): boolean {
  return FOREIGN_ID.test(text);
}
