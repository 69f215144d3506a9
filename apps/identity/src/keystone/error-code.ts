/** The code of a system, TLS or undici error: what an operator searches for. Says nothing else of it. */
export function errorCode(thrown: unknown): string {
  const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown ? thrown.code : undefined;
  return typeof code === 'string' ? code : 'unknown failure';
}
