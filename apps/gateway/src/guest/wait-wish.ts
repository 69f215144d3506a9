/** What a guest that wants to see changes says in its query, as Google's metadata server reads it. */
export interface WaitWish {
  /** `ETag` of what the guest has seen, without quotes. Undefined: it waits for whatever comes next. */
  readonly lastEtag: string | undefined;
  readonly timeoutMs: number;
}

/** Undefined: it wants its answer now. */
export function waitWishIn(query: string, longestMs: number): WaitWish | undefined {
  if (!query.includes('wait_for_change')) return undefined;
  const wish = new URLSearchParams(query);
  if (wish.get('wait_for_change')?.toLowerCase() !== 'true') return undefined;
  const seconds = wish.get('timeout_sec');
  const timeoutMs = seconds !== null && SECONDS.test(seconds) ? Number(seconds) * 1_000 : longestMs;
  return {
    lastEtag: wish.get('last_etag')?.replaceAll('"', ''),
    timeoutMs: Math.min(timeoutMs, longestMs),
  };
}

/** Anything else means nothing, as any other query does here. */
const SECONDS = /^\d{1,6}(?:\.\d{1,3})?$/;
