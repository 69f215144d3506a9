import { createHash } from 'node:crypto';

/** SHA-256 of a token in lower-case hex: what a token is known by wherever it is remembered. */
export type TokenDigest = string & { readonly __kind: 'TokenDigest' };

export function digestOf(token: string): TokenDigest {
  return createHash('sha256').update(token).digest('hex') as TokenDigest;
}

export function isDigest(text: string): text is TokenDigest {
  return /^[0-9a-f]{64}$/.test(text);
}

/** Longer than any token that Keystone's servers take in a header. */
const LONGEST_TOKEN = 8192;

/**
 * Whether the text could be a token at all. What could not is refused without asking: a line feed
 * or a character beyond ASCII cannot even be sent in a header.
 */
export function couldBeToken(text: string): boolean {
  return text.length <= LONGEST_TOKEN && /^[\x21-\x7e]+$/.test(text);
}
