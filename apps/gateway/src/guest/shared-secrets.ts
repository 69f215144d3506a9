import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';

/** Hex digits of a SHA-256. */
const SIGNATURE_LENGTH = 64;
/** Messages whose signature is remembered: the instances that ask in turn. */
const REMEMBERED = 20_000;

/** What the metadata proxies and we know: any of them signs, so that one can be replaced by another. */
export class SharedSecrets {
  readonly #keys: readonly KeyObject[];
  /** The signature that was last right for a message. One that never was is not here. */
  readonly #right = new LRUCache<string, Uint8Array>({ max: REMEMBERED });
  /** What is being compared, so that a known guest costs no memory. */
  readonly #given = Buffer.alloc(SIGNATURE_LENGTH);

  constructor(secrets: readonly string[]) {
    this.#keys = secrets.map((secret) => createSecretKey(secret, 'utf8'));
  }

  /**
   * Whether this is the HMAC-SHA256 of the message in lower-case hex, with one of the secrets. A wrong one
   * takes as long whatever it is wrong by, whichever secret it is of, and whether the message is known.
   */
  signed(message: string, signature: string): boolean {
    const given = this.#given;
    // One of another length would leave some of the last one there.
    const isWhole =
      signature.length === SIGNATURE_LENGTH && given.write(signature, 'latin1') === given.length;
    const right = this.#right.get(message);
    if (isWhole && right !== undefined && timingSafeEqual(given, right)) return true;
    let isSigned = false;
    for (const key of this.#keys) {
      const expected = Buffer.from(createHmac('sha256', key).update(message, 'utf8').digest('hex'), 'latin1');
      if (isWhole && timingSafeEqual(given, expected)) isSigned = true;
    }
    // A copy: a small Buffer would hold the whole slab that it is cut from.
    if (isSigned) this.#right.set(message, new Uint8Array(given));
    return isSigned;
  }
}
