/** What the fake answers with, before headers that every answer has. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

const JSON_TYPE = { 'Content-Type': 'application/json' };

/** A success, written as Python's json module writes it: one line, `", "` and `": "`, ASCII only. */
export function success(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return { status, body: pythonJson(body), headers: { ...JSON_TYPE, ...headers } };
}

/** A failure: compact, and with a line feed at the end, unlike a success. */
export function failure(
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
  identity?: unknown,
): Answer {
  const error = {
    code: status,
    ...(identity === undefined ? {} : { identity }),
    message,
    title: TITLES[status] ?? 'Error',
  };
  return { status, body: `${JSON.stringify({ error })}\n`, headers: { ...JSON_TYPE, ...headers } };
}

export const MALFORMED =
  'The server could not comply with the request since it is either malformed or otherwise incorrect. ' +
  'The client is assumed to be in error.';

export function unauthorized(base: string, methods?: readonly string[]): Answer {
  return failure(
    401,
    methods
      ? 'Attempted to authenticate with an unsupported method.'
      : 'The request you have made requires authentication.',
    { 'WWW-Authenticate': `Keystone uri="${base}/v3"` },
    methods && { methods },
  );
}

export function forbidden(action: string): Answer {
  return failure(403, `You are not authorized to perform the requested action: ${action}.`);
}

/** The document of `GET /`, or of `GET /v3` for which it holds a single version. */
export function versionDocument(base: string): object {
  return {
    id: 'v3.14',
    status: 'stable',
    updated: '2020-04-07T00:00:00Z',
    links: [{ rel: 'self', href: `${base}/v3/` }],
    'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' }],
  };
}

function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([key, member]) => `${pythonJson(key)}: ${pythonJson(member)}`);
    return `{${members.join(', ')}}`;
  }
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
