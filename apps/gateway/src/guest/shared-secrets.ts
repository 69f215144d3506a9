import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';

/** Hex digits of a SHA-256. */
const SIGNATURE_LENGTH = 64;

/** What the metadata proxies and we know: any of them signs, so that one can be replaced by another. */
export class SharedSecrets {
  readonly #keys: readonly KeyObject[];

  constructor(secrets: readonly string[]) {
    this.#keys = secrets.map((secret) => createSecretKey(secret, 'utf8'));
  }

  /**
   * Whether this is the HMAC-SHA256 of the message in lower-case hex, with one of the secrets. Takes as
   * long for a wrong one as for a right one, whichever secret it is of.
   */
  signed(message: string, signature: string): boolean {
    const given = Buffer.from(signature, 'latin1');
    let isSigned = false;
    for (const key of this.#keys) {
      const expected = Buffer.from(createHmac('sha256', key).update(message, 'utf8').digest('hex'), 'latin1');
      if (given.length === SIGNATURE_LENGTH && timingSafeEqual(given, expected)) isSigned = true;
    }
    return isSigned;
  }
}
