/**
 * Seconds that a `Retry-After` asks to wait: a number of seconds or an HTTP date. Undefined when
 * there is none or it is neither.
 */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  const text = value?.trim() ?? '';
  if (/^\d{1,10}$/.test(text)) return Number(text);
  // Only dates as HTTP writes them; Date.parse takes nearly anything.
  if (!/^[A-Z][a-z]+, .* GMT$/.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - nowMs) / 1000));
}
