/** The directives of a `Cache-Control` field by lower-case name; '' where one has no value. */
export type Directives = ReadonlyMap<string, string>;

const DIRECTIVE = /([^\s,="]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?/g;

/**
 * Reads a `Cache-Control` field as RFC 9111 section 5.2 writes it: names in any case, values quoted or
 * not. Of a directive that is there twice the smaller number of seconds counts.
 */
export function parseCacheControl(field: string): Directives {
  const directives = new Map<string, string>();
  for (const [, name = '', quoted, plain] of field.matchAll(DIRECTIVE)) {
    const key = name.toLowerCase();
    const value = quoted ?? plain ?? '';
    const before = directives.get(key);
    if (before === undefined || toSeconds(value) < toSeconds(before)) directives.set(key, value);
  }
  return directives;
}

/** RFC 9111 section 1.2.2: a cache may read a number that it cannot hold as 2^31. */
const LONGEST_SECONDS = 2 ** 31;

/** The seconds of a directive. What is no number counts as 0, so that a typo makes an answer stale rather than eternal. */
export function secondsOf(directives: Directives, name: string): number {
  return toSeconds(directives.get(name) ?? '');
}

const toSeconds = (value: string): number =>
  /^\d+$/.test(value) ? Math.min(Number(value), LONGEST_SECONDS) : 0;
