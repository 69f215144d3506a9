import { invalid } from '@hallmark/errors';

export type QueryPair = readonly [name: string, value: string];

/** The parameters of a request in order, repeated ones too. */
export function parseQuery(query: string): QueryPair[] {
  const pairs = [...new URLSearchParams(query)];
  // No stored text holds one, and PostgreSQL takes none.
  if (pairs.some(([name, value]) => `${name}${value}`.includes('\0')))
    throw invalid('QUERY_INVALID', 'A parameter holds a NUL character.');
  return pairs;
}

/** A link to the same list: every parameter but the marker, and the marker at the end. */
export function listLink(path: string, pairs: readonly QueryPair[], marker?: string): string {
  const kept = pairs.filter(([name]) => name !== 'marker');
  const all = marker === undefined ? kept : [...kept, ['marker', marker] as const];
  return all.length === 0
    ? path
    : `${path}?${all.map(([name, value]) => `${quote(name)}=${quote(value)}`).join('&')}`;
}

/** As Python's quote_plus(). */
const quote = (text: string): string =>
  encodeURIComponent(text)
    .replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');

/** The size of a page as it was asked for, cut to what the operator allows. */
export function readLimit(
  text: string | undefined,
  { standard, most }: { readonly standard: number; readonly most: number },
): number {
  if (text === undefined) return Math.min(standard, most);
  if (!/^\s*[+-]?\d+\s*$/.test(text)) throw invalid('QUERY_INVALID', 'limit param must be an integer');
  const limit = Number(text);
  if (limit < 0) throw invalid('QUERY_INVALID', 'limit param must be positive');
  return Math.min(limit, most);
}
