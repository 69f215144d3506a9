/**
 * `max-age` of an answer that had been cached for `ageMs` and stays fresh for `ttlMs`: the target's own
 * number, whatever fraction of a second has passed since.
 */
export const maxAgeSeconds = (ageMs: number, ttlMs: number): number => Math.round((ageMs + ttlMs) / 1_000);

/**
 * `Age` of an answer that stays fresh for `remainingMs`: as many whole seconds as leave no reader more
 * time than there is (RFC 9111, 4.2: fresh while `max-age` exceeds the age).
 */
export const ageSeconds = (maxAge: number, remainingMs: number): number =>
  Math.max(0, maxAge - Math.floor(remainingMs / 1_000));
