/** One of several things that are wrong with a body. */
export interface BodyFault {
  /** JSON Pointer (RFC 6901) of the value. */
  readonly pointer: string;
  /** What it must be. Never what it is: it may be a secret. */
  readonly message: string;
}

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
  /** All that is wrong with the body, where that is known one by one. */
  readonly faults: readonly BodyFault[];

  constructor(
    status: number,
    reason: string,
    message: string,
    headers: Readonly<Record<string, string>> = {},
    faults: readonly BodyFault[] = [],
  ) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.headers = headers;
    this.faults = faults;
  }
}
