import type { IncomingHttpHeaders } from 'node:http';
import { HttpFailure } from '../http/http-failure.ts';

/** A client that wants to wait longer asks again. */
export const LONGEST_WAIT_SECONDS = 60;
/** As much as Nova's clients and payment services alike send: a UUID with something before it. */
export const LONGEST_IDEMPOTENCY_KEY = 255;

const PREFERENCES = /(?:"(?:[^"\\]|\\.)*"|[^",])+/g;
const WAIT = /^\s*wait\s*=\s*(?:"(\d+)"|(\d+))\s*(?:;|$)/i;

/**
 * The seconds of `Prefer: wait` (RFC 7240, 4.3), as far as they are granted. Undefined without one: what
 * cannot be understood is no error there. Of several, the first holds.
 */
export function waitSeconds({ prefer }: IncomingHttpHeaders): number | undefined {
  const text = Array.isArray(prefer) ? prefer.join(',') : (prefer ?? '');
  for (const preference of text.match(PREFERENCES) ?? []) {
    const [, quoted, plain] = WAIT.exec(preference) ?? [];
    const seconds = quoted ?? plain;
    if (seconds !== undefined) return Math.min(Number(seconds), LONGEST_WAIT_SECONDS);
  }
  return undefined;
}

/**
 * The `Idempotency-Key` of a request: a string of RFC 8941, or without quotes as most clients send it.
 * Undefined when there is none.
 *
 * @throws HttpFailure 400 when it is empty, too long, or has other than visible characters.
 */
export function idempotencyKey(headers: IncomingHttpHeaders): string | undefined {
  const given = headers['idempotency-key'];
  if (given === undefined) return undefined;
  // Node joins repeated headers with a comma and a blank, which no key may have.
  const text = Array.isArray(given) ? given.join(', ') : given;
  const quoted = /^"(.*)"$/s.exec(text)?.[1];
  const key = quoted === undefined ? text : quoted.replaceAll(/\\(["\\])/g, '$1');
  if (!/^[\x21-\x7e]+$/.test(key) || key.length > LONGEST_IDEMPOTENCY_KEY) {
    throw new HttpFailure(
      400,
      'IDEMPOTENCY_KEY_INVALID',
      `Idempotency-Key must be sent once, with 1 to ${LONGEST_IDEMPOTENCY_KEY} visible ASCII characters.`,
    );
  }
  return key;
}
