/**
 * A request that fails as HTTP, before anything behind the gateway is asked: a method, a media type,
 * a path. Failures of what it asks for are HallmarkErrors.
 */
export class HttpFailure extends Error {
  override readonly name = 'HttpFailure';
  readonly status: number;
  /** UPPER_SNAKE_CASE and stable, as in HallmarkError. */
  readonly reason: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    reason: string,
    message: string,
    headers: Readonly<Record<string, string>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.status = status;
    this.reason = reason;
    this.headers = headers;
  }
}
