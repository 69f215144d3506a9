import { HallmarkError, type ErrorCode } from '@hallmark/errors';
import { HttpFailure } from '../http/http-failure.ts';
import { explained, type ErrorText } from '../http/webob.ts';

/** A failure as clients of the Image API are told. */
export interface ImageFailure {
  readonly status: number;
  readonly reason: string;
  readonly text: ErrorText;
  readonly headers: Readonly<Record<string, string>>;
}

const STATUS = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'not-ready': 409,
  // Whatever is too much, Glance calls it too large.
  'over-quota': 413,
  unavailable: 503,
  timeout: 504,
} satisfies Record<ErrorCode, number>;

/** Reasons that have a status of their own, whatever their code. */
const STATUS_OF_REASON: ReadonlyMap<string, number> = new Map([
  ['MEDIA_TYPE_UNSUPPORTED', 415],
  ['PATCH_MEDIA_TYPE_UNSUPPORTED', 415],
  ['CONTENT_MISMATCH', 415],
  ['CONTENT_UNSAFE', 415],
  ['RANGE_INVALID', 416],
  ['IMAGE_VANISHED', 410],
]);

/** What is wrong with the data of an upload, not with its type. */
const OF_DATA: ReadonlySet<string> = new Set(['CONTENT_MISMATCH', 'CONTENT_UNSAFE']);
const DATA_UNSUPPORTED = 'The request media type application/octet-stream is not supported by this server.';

/** Reasons whose message stands behind the general explanation of the status. */
const IN_DETAIL: ReadonlySet<string> = new Set([
  'NAME_RESERVED',
  'OWNER_FORBIDDEN',
  'OWNER_KEPT',
  'BASE_ATTRIBUTE_KEPT',
  'PROPERTY_EXISTS',
  'PROPERTY_UNKNOWN',
  'RANGE_INVALID',
]);

const EXPLANATIONS: ReadonlyMap<number, string> = new Map([
  [
    401,
    'This server could not verify that you are authorized to access the document you requested. Either you supplied the wrong credentials (e.g., bad password), or your browser does not understand how to supply the credentials required.',
  ],
  [403, 'Access was denied to this resource.'],
  [404, 'The resource could not be found.'],
  [409, 'There was a conflict when trying to complete your request.'],
  [413, 'The body of your request was too large for this server.'],
  [416, 'The Range requested is not available.'],
  [500, 'The server has either erred or is incapable of performing the requested operation.'],
]);

/** Both media types of PATCH. */
const ACCEPT_PATCH =
  'application/openstack-images-v2.0-json-patch, application/openstack-images-v2.1-json-patch';
/** Where nobody said better. */
const RETRY_AFTER_SECONDS = 5;

/** What a client is told of anything that was thrown. Undefined: nobody expected it, which says nothing. */
export function imageFailureOf(thrown: unknown, challenge: string): ImageFailure | undefined {
  if (thrown instanceof FailureWithText) return thrown.failure;
  if (thrown instanceof HttpFailure) {
    const { status, reason, message, headers } = thrown;
    return { status, reason, headers, text: explained(message) };
  }
  if (!(thrown instanceof HallmarkError)) return undefined;
  const { code, reason, message } = thrown;
  const status = STATUS_OF_REASON.get(reason) ?? STATUS[code];
  return {
    status,
    reason,
    text: textOf(status, reason, message),
    headers: headersOf(thrown, status, challenge),
  };
}

/** What is said of a bug or an outage. */
export const internalFailure: ImageFailure = {
  status: 500,
  reason: 'INTERNAL',
  text: explained(generalOf(500)),
  headers: {},
};

function textOf(status: number, reason: string, message: string): ErrorText {
  if (status === 401) return explained(generalOf(401));
  // Its template begins with the media type, whether that is what is wrong or not.
  if (OF_DATA.has(reason)) return (escape) => `${DATA_UNSUPPORTED}\n<br /><br />\n${escape(message)}`;
  if (status === 415) return (escape) => `${escape(message)}\n<br /><br />\n`;
  return IN_DETAIL.has(reason) ? explained(generalOf(status), message) : explained(message);
}

function headersOf(
  { reason, retryAfterSeconds = RETRY_AFTER_SECONDS }: HallmarkError,
  status: number,
  challenge: string,
): Record<string, string> {
  if (status === 401) return { 'WWW-Authenticate': challenge };
  if (status === 503) return { 'Retry-After': String(Math.max(1, Math.ceil(retryAfterSeconds))) };
  return reason === 'PATCH_MEDIA_TYPE_UNSUPPORTED' ? { 'Accept-Patch': ACCEPT_PATCH } : {};
}

function generalOf(status: number): string {
  return EXPLANATIONS.get(status) ?? '';
}

/** A failure with a text in a template of its own. */
class FailureWithText extends Error {
  readonly failure: ImageFailure;

  constructor(failure: ImageFailure) {
    super(failure.reason);
    this.failure = failure;
  }
}

export const nothingThere = (): HttpFailure => new HttpFailure(404, 'PATH_UNKNOWN', generalOf(404));

export const methodNotAllowed = (method: string, allowed: Iterable<string>): Error =>
  new FailureWithText({
    status: 405,
    reason: 'METHOD_NOT_ALLOWED',
    text: (escape) => `The method ${escape(method)} is not allowed for this resource. <br /><br />\n`,
    headers: { Allow: [...allowed].join(', ') },
  });

/** Tasks go by themselves. */
export const tasksStay = (): Error =>
  new FailureWithText({
    status: 405,
    reason: 'METHOD_NOT_ALLOWED',
    text: (escape) =>
      escape(
        'This operation is currently not permitted on Glance Tasks. They are auto deleted after reaching the time based on their expires_at property.',
      ),
    headers: { Allow: 'GET' },
  });

/** The root of a version is a directory. */
export const slashMissing = (location: string): Error =>
  new FailureWithText({
    status: 302,
    reason: 'SLASH_MISSING',
    text: (escape) =>
      `The resource was found at <a href="${escape(location)}">${escape(location)}</a>;\nyou should be redirected automatically.\n\n`,
    headers: { Location: location },
  });

export const bodyUnexpected = (): HttpFailure =>
  new HttpFailure(400, 'BODY_UNEXPECTED', 'A body is not expected with this request.');

export const pathMalformed = (): HttpFailure =>
  new HttpFailure(400, 'PATH_MALFORMED', 'The path is not percent-encoded UTF-8.');
