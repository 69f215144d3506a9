/** The `code` that Node and undici put on their errors: `ENOSPC`, `UND_ERR_CONNECT_TIMEOUT`. Empty: none. */
export function errorCode(thrown: unknown): string {
  return typeof thrown === 'object' && thrown !== null && 'code' in thrown && typeof thrown.code === 'string'
    ? thrown.code
    : '';
}
