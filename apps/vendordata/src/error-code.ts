/**
 * The `code` that Node, OpenSSL, zlib or undici gave an error, else its name. Both are safe to
 * show; a message may quote what was sent.
 */
export function errorCode(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null) return 'unknown';
  if ('code' in thrown && typeof thrown.code === 'string') return thrown.code;
  return 'name' in thrown && typeof thrown.name === 'string' ? thrown.name : 'unknown';
}
