import type { Route } from '../events.ts';
import type { HttpRoute } from '../http/routes.ts';
import type { RequestSchemaName, SchemaName } from './schemas.ts';
import type { Action } from './who-may.ts';

/** What one method does at one path: what the routes are made of, and the OpenAPI document. */
export interface Operation {
  readonly method: Exclude<HttpRoute['method'], 'HEAD'>;
  readonly path: Route;
  readonly summary: string;
  readonly description?: string;
  /** What the caller must be allowed to do. Absent: anyone may ask, without a token. */
  readonly action?: Action;
  readonly body?: RequestSchemaName;
  readonly query?: RequestSchemaName;
  readonly requestHeaders?: readonly RequestHeader[];
  readonly answers: Readonly<Record<number, OperationAnswer>>;
  /** Statuses of failures beside those that every operation has. */
  readonly failures?: readonly number[];
}

export interface OperationAnswer {
  readonly description: string;
  readonly schema?: SchemaName;
  /** Media types of bodies that are no JSON. */
  readonly media?: readonly string[];
  readonly headers?: readonly AnswerHeader[];
}

export type RequestHeader = 'Prefer' | 'Idempotency-Key' | 'If-None-Match';
export type AnswerHeader =
  'Location' | 'Preference-Applied' | 'ETag' | 'Content-Length' | 'Content-Disposition' | 'Repr-Digest';

export const DRIVE_MEDIA = {
  iso9660: 'application/x-iso9660-image',
  vfat: 'application/octet-stream',
} as const;

const READY: OperationAnswer = {
  description: 'The result was waited for, and it has left BUILD: `status` is ACTIVE or ERROR.',
  schema: 'Instance',
  headers: ['Location', 'Preference-Applied'],
};
const UNDER_WAY: OperationAnswer = {
  description: 'Taken in. It is written down and will be built, whatever happens to this connection.',
  schema: 'Instance',
  headers: ['Location', 'Preference-Applied'],
};

export const OPERATIONS = {
  bootInstance: {
    method: 'POST',
    path: '/v1/instances',
    summary: 'Boot an instance',
    description:
      'Keeps the record of a boot, with the roles of the token, and builds what its guest will read. A repeat with the same Idempotency-Key gives the instance as it now is.',
    action: 'boot',
    body: 'BootRequest',
    requestHeaders: ['Prefer', 'Idempotency-Key'],
    answers: { 201: READY, 202: UNDER_WAY },
    failures: [409, 422],
  },
  listInstances: {
    method: 'GET',
    path: '/v1/instances',
    summary: 'List instances',
    description: 'Newest first, page by page, without deleted ones.',
    action: 'read',
    query: 'ListQuery',
    answers: { 200: { description: 'A page.', schema: 'InstanceList' } },
    failures: [400],
  },
  showInstance: {
    method: 'GET',
    path: '/v1/instances/:id',
    summary: 'Show an instance',
    description: 'With `Prefer: wait`, not before it has left BUILD or the time is over.',
    action: 'read',
    requestHeaders: ['Prefer'],
    answers: { 200: { description: 'As it is now.', schema: 'Instance', headers: ['Preference-Applied'] } },
    failures: [404],
  },
  changeMetadata: {
    method: 'PUT',
    path: '/v1/instances/:id/metadata',
    summary: "Replace the user's metadata",
    action: 'change',
    body: 'MetadataChange',
    answers: {
      200: { description: 'As it is now. Its guest reads the new metadata at once.', schema: 'Instance' },
    },
    failures: [404, 409],
  },
  rebuildInstance: {
    method: 'POST',
    path: '/v1/instances/:id/rebuild',
    summary: 'Build an instance anew from another image',
    description: 'The boot roles stay what they were at the boot.',
    action: 'change',
    body: 'RebuildRequest',
    requestHeaders: ['Prefer'],
    answers: { 200: READY, 202: UNDER_WAY },
    failures: [404, 409],
  },
  deleteInstance: {
    method: 'DELETE',
    path: '/v1/instances/:id',
    summary: 'End an instance',
    description: 'Its guest is answered no more, and what only the guest might read is gone.',
    action: 'change',
    answers: { 204: { description: 'It is ended.' } },
    failures: [404],
  },
  downloadConfigDrive: {
    method: 'GET',
    path: '/v1/instances/:id/config-drive',
    summary: 'Download a config drive',
    description:
      'It holds what only the guest should read, so it takes a role that may change the instance. An answer that is shorter than its Content-Length was cut off and must be fetched again.',
    action: 'change',
    requestHeaders: ['If-None-Match'],
    answers: {
      200: {
        description: 'The image of the drive.',
        media: Object.values(DRIVE_MEDIA),
        headers: ['ETag', 'Content-Length', 'Content-Disposition', 'Repr-Digest'],
      },
      304: { description: 'It is the one of If-None-Match.', headers: ['ETag'] },
    },
    failures: [404, 409],
  },
  showVersion: {
    method: 'GET',
    path: '/v1',
    summary: 'Show the version of this API',
    answers: { 200: { description: 'The version.', schema: 'Version' } },
  },
  showDocument: {
    method: 'GET',
    path: '/openapi.json',
    summary: 'Show this document',
    answers: { 200: { description: 'OpenAPI 3.1.', media: ['application/json'] } },
  },
} as const satisfies Record<string, Operation>;

export type OperationId = keyof typeof OPERATIONS;

/** In the order of the table. */
export const OPERATION_LIST = Object.entries(OPERATIONS) as [OperationId, Operation][];
