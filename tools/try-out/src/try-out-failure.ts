/** Hallmark is up but did not do what the try-out is to show. */
export class TryOutFailure extends Error {
  override readonly name = 'TryOutFailure';
}
