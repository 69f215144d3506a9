import { isError } from './is-error.ts';

/**
 * What a log line must not hold is taken out here and nowhere else. Names decide, at any depth,
 * because a secret is known by the header or member that carries it; text is only searched for
 * URLs with a password and for Keystone's tokens, which have a shape of their own.
 */

const HIDDEN = '[redacted]';

/** Deeper than anything that is worth reading in a log line; also the end of every cycle. */
const MAX_DEPTH = 10;

/** `X-Auth-Token`, `admin_password`, `clientSecret`, `user-data` and their like. */
const SECRET_NAME =
  /(?:token|password|passwd|secret|authorization|cookie|userdata|apikey|privatekey|signature)s?$/;

/** Bodies of requests and answers hold user data and what targets say to one instance alone. */
const BODY_NAME = /^(?:body|json|payload|requestbody|responsebody|instancejson|vendordata)$/;

/** Verdicts on the names seen so far: nearly all are words of our own code, written again and again. */
const verdicts = new Map<string, boolean>();
const MAX_VERDICTS = 1_000;

function isSecretName(name: string): boolean {
  const known = verdicts.get(name);
  if (known !== undefined) return known;
  const letters = name.toLowerCase().replace(/[-_]/g, '');
  const verdict = SECRET_NAME.test(letters) || BODY_NAME.test(letters);
  if (verdicts.size < MAX_VERDICTS) verdicts.set(name, verdict);
  return verdict;
}

/** A copy that is fit for the log. Errors become plain objects, bytes only their number. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return '[deeper]';
  if (Array.isArray(value)) return redactItems(value, depth);
  if (Object.getPrototypeOf(value) === Object.prototype) return redactMembers(value, depth);
  if (isError(value)) return describeError(value, depth);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Map) return redact(Object.fromEntries(value), depth);
  if (value instanceof Set) return redactItems([...value], depth);
  if (hasToJson(value)) return redact(value.toJSON(), depth + 1);
  return redactMembers(value, depth);
}

function hasToJson(value: object): value is { toJSON(): unknown } {
  return 'toJSON' in value && typeof value.toJSON === 'function';
}

/** The members of an object, with the values of secret names hidden. */
export function redactMembers(members: object, depth = 0): Record<string, unknown> {
  // A loop, because it runs for every line: seven times as fast as entries and fromEntries.
  const safe: Record<string, unknown> = {};
  for (const name of Object.keys(members)) {
    const value = (members as Record<string, unknown>)[name];
    safe[name] = isSecretName(name) ? hide(value) : redact(value, depth + 1);
  }
  return safe;
}

/** As `redactMembers`, but without a copy where there is nothing to hide, as in nearly every line. */
export function redactLineMembers(members: Record<string, unknown>): Record<string, unknown> {
  for (const name of Object.keys(members)) {
    const value = members[name];
    if (typeof value === 'object' || isSecretName(name)) return redactMembers(members);
  }
  return members;
}

/** Raw headers come as name, value, name, value; or as pairs. */
function redactItems(items: readonly unknown[], depth: number): unknown[] {
  return items.map((item, index) => {
    const before = items[index - 1];
    return typeof before === 'string' && isSecretName(before) ? hide(item) : redact(item, depth + 1);
  });
}

// Whether there is a token is worth knowing; what it is, is not.
function hide(value: unknown): unknown {
  return value === undefined || value === null || typeof value === 'boolean' ? value : HIDDEN;
}

interface ErrorDescription {
  name: string;
  message: string;
  code?: string | number;
  reason?: string;
  stack?: string;
  cause?: unknown;
  errors?: unknown;
}

/**
 * Only what is known to be fit for the log: other members of an error (a request, its headers) are
 * whatever its library put there.
 */
function describeError(error: Error, depth = 0): ErrorDescription {
  const { code, reason, errors } = error as { code?: unknown; reason?: unknown; errors?: unknown };
  return {
    name: error.name,
    message: error.message,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(error.stack === undefined ? {} : { stack: error.stack }),
    ...(error.cause === undefined ? {} : { cause: redact(error.cause, depth + 1) }),
    ...(Array.isArray(errors) ? { errors: redactItems(errors, depth) } : {}),
  };
}

// Begins with letters that are rare, not with a scheme of any length: every log line is searched.
const URL_PASSWORD = /:\/\/[^\s/?#"'\\]*@/g;

/** Fernet and JWS, the two forms in which Keystone gives out tokens. */
const KEYSTONE_TOKEN = /\bgAAAAA[\w-]{40,}=*|\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}/g;

/** The finished line without passwords in URLs and without tokens in running text. */
export function redactLine(line: string): string {
  const safe = line.includes('://') ? line.replace(URL_PASSWORD, `://${HIDDEN}@`) : line;
  return safe.includes('gAAAAA') || safe.includes('eyJ') ? safe.replace(KEYSTONE_TOKEN, HIDDEN) : safe;
}
