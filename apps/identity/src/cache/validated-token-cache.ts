import { LRUCache } from 'lru-cache';
import type { TokenDigest } from '../domain/token-digest.ts';
import type { TokenOwner } from '../domain/token-owner.ts';
import type { ValidatedTokens } from '../domain/token-validator.ts';

/**
 * Owners of tokens found valid, by the digest of the token: the token itself is not in memory
 * longer than its request. When full, what was not used for longest goes.
 */
export class ValidatedTokenCache implements ValidatedTokens {
  readonly #entries: LRUCache<TokenDigest, TokenOwner> | undefined;

  /** With no room at all nothing is kept. */
  constructor(maxEntries: number) {
    // Its time runs on a clock that nobody can turn back.
    this.#entries = maxEntries > 0 ? new LRUCache({ max: maxEntries, ttlAutopurge: false }) : undefined;
  }

  /** Entries in memory, those whose time is over but that nobody asked for since included. */
  get size(): number {
    return this.#entries?.size ?? 0;
  }

  find(digest: TokenDigest): { readonly owner: TokenOwner; readonly remainingMs: number } | undefined {
    const owner = this.#entries?.get(digest);
    return owner && { owner, remainingMs: this.#entries?.getRemainingTTL(digest) ?? 0 };
  }

  keep(digest: TokenDigest, owner: TokenOwner, forMs: number): void {
    // The library takes zero for "for ever".
    const ttl = Math.floor(forMs);
    if (ttl > 0) this.#entries?.set(digest, owner, { ttl });
  }

  forget(digest: TokenDigest): boolean {
    return this.#entries?.delete(digest) ?? false;
  }
}
