import { LRUCache } from 'lru-cache';

/** How often one instance may ask. */
export interface Rate {
  /** 0: any number. */
  readonly perSecond: number;
  readonly burst: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/** Instances that are remembered; one that is forgotten begins anew, with a full bucket. */
const REMEMBERED = 50_000;

/** A token bucket for each instance. */
export class RateLimit {
  readonly #buckets = new LRUCache<string, Bucket>({ max: REMEMBERED });

  /** Takes a token, and gives the seconds until there is one again where there is none. */
  take(instanceId: string, { perSecond, burst }: Rate, nowMs: number): number | undefined {
    if (perSecond === 0) return undefined;
    let bucket = this.#buckets.get(instanceId);
    if (!bucket) {
      bucket = { tokens: burst, atMs: nowMs };
      this.#buckets.set(instanceId, bucket);
    }
    const earned = ((nowMs - bucket.atMs) / 1_000) * perSecond;
    bucket.tokens = Math.min(burst, bucket.tokens + earned);
    bucket.atMs = nowMs;
    if (bucket.tokens < 1) return (1 - bucket.tokens) / perSecond;
    bucket.tokens -= 1;
    return undefined;
  }
}
