/** encodeURIComponent leaves these alone, but they are not for tokens (RFC 9110, 5.6.2). */
const NOT_IN_TOKENS = /[()]/g;

/**
 * One entry of `Server-Timing`: `rack;dur=12.3;desc="fresh"`. A name that is no token is
 * percent-encoded, as in the path of the target's own URL.
 */
export const timingEntry = (name: string, elapsedMs: number, description: string): string =>
  `${tokenOf(name)};dur=${elapsedMs.toFixed(1)};desc="${description}"`;

function tokenOf(name: string): string {
  // A lone surrogate has no UTF-8 to encode.
  return encodeURIComponent(name.toWellFormed()).replace(
    NOT_IN_TOKENS,
    (character) => `%${character.charCodeAt(0).toString(16)}`,
  );
}
