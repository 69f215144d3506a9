import {
  createHmac,
  createSecretKey,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
  type KeyObject,
} from 'node:crypto';

const EXPIRY_BYTES = 6;
const NONCE_BYTES = 10;
const MAC_BYTES = 32;
/** 48 bytes in base64url: no padding, and one spelling only. */
const TOKEN = /^[A-Za-z0-9_-]{64}$/;

/**
 * The session tokens of guests: when it ends and a nonce, sealed together with the instance it is for. Any
 * gateway that shares a secret with the one that made it knows it, and nothing is kept of it.
 */
export class SessionTokens {
  /** The first makes tokens, all of them know theirs. */
  readonly #keys: readonly [KeyObject, ...KeyObject[]];

  constructor([first, ...others]: readonly [string, ...string[]]) {
    this.#keys = [keyOf(first), ...others.map(keyOf)];
  }

  issue(instanceId: string, ttlSeconds: number, nowMs: number): string {
    const claims = Buffer.alloc(EXPIRY_BYTES + NONCE_BYTES);
    claims.writeUIntBE(nowMs + ttlSeconds * 1_000, 0, EXPIRY_BYTES);
    randomBytes(NONCE_BYTES).copy(claims, EXPIRY_BYTES);
    return Buffer.concat([claims, seal(this.#keys[0], claims, instanceId)]).toString('base64url');
  }

  /** Whether this token was issued to this instance and has not ended. */
  holds(token: string, instanceId: string, nowMs: number): boolean {
    if (!TOKEN.test(token)) return false;
    const bytes = Buffer.from(token, 'base64url');
    const claims = bytes.subarray(0, -MAC_BYTES);
    const given = bytes.subarray(-MAC_BYTES);
    let isOurs = false;
    for (const key of this.#keys) {
      if (timingSafeEqual(given, seal(key, claims, instanceId))) isOurs = true;
    }
    return isOurs && nowMs < claims.readUIntBE(0, EXPIRY_BYTES);
  }
}

/** A key of its own, so that no signature of a proxy is a token, and no token a signature. */
const keyOf = (secret: string): KeyObject =>
  createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', 'hallmark guest session token v1', MAC_BYTES)));

const seal = (key: KeyObject, claims: Buffer, instanceId: string): Buffer =>
  createHmac('sha256', key).update(claims).update(instanceId).digest();
