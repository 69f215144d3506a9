import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { unauthenticated } from '@hallmark/errors';
import { HttpFailure } from './http-failure.ts';

/** Keystone's own words, which clients of keystonemiddleware know. */
const AUTHENTICATION_REQUIRED = 'The request you have made requires authentication.';

/** The tokens that came with a request. */
export interface Tokens {
  readonly token: string;
  /** Empty when none was sent. */
  readonly serviceToken: string;
}

/**
 * Reads the tokens of a request.
 *
 * @throws HallmarkError `unauthenticated` when there is none; HttpFailure 400 when one was sent twice.
 */
export function tokensOf(request: IncomingMessage): Tokens {
  const token = single(request, 'x-auth-token');
  if (token === '') throw unauthenticated('TOKEN_MISSING', AUTHENTICATION_REQUIRED);
  return { token, serviceToken: single(request, 'x-service-token') };
}

/**
 * Names a pair of tokens without holding them: the SHA-256 of each in hex, one after the other. The
 * first 64 characters are the user token's, as invalidations name it.
 */
export function tokensKey({ token, serviceToken }: Tokens): string {
  const key = hash('sha256', token);
  return serviceToken === '' ? key : key + hash('sha256', serviceToken);
}

/** The digests that a key of `tokensKey` is made of. */
export const digestsIn = (key: string): string[] =>
  key.length === 64 ? [key] : [key.slice(0, 64), key.slice(64)];

function single(request: IncomingMessage, name: 'x-auth-token' | 'x-service-token'): string {
  const value = request.headers[name];
  if (typeof value !== 'string') return '';
  // Node joins repeated headers with a comma, which no Keystone token contains.
  if (value.includes(',') && (request.headersDistinct[name]?.length ?? 0) > 1) {
    throw new HttpFailure(400, 'HEADER_REPEATED', `The header ${name} was sent more than once.`);
  }
  return value;
}
