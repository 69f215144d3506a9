/** Whether it is an error, be it of another realm: what Node throws into a test's sandbox is one too. */
export function isError(thrown: unknown): thrown is Error {
  return thrown instanceof Error || Object.prototype.toString.call(thrown) === '[object Error]';
}
