import type { Dispatcher } from 'undici';

/** What came back, or how the exchange ended without that. */
export type HttpOutcome =
  | { readonly kind: 'response'; readonly head: ResponseHead; readonly body: Buffer }
  /** The head says all, and the body is not waited for. */
  | { readonly kind: 'head'; readonly head: ResponseHead }
  | { readonly kind: 'too-large'; readonly head: ResponseHead }
  | { readonly kind: 'not-connected' }
  /** No byte came for as long as is allowed. */
  | { readonly kind: 'silent' }
  | { readonly kind: 'broken'; readonly error: unknown; readonly phase: 'head' | 'body' }
  | { readonly kind: 'aborted' };

export interface ResponseHead {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
}

export interface ExchangeLimits {
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
  readonly maxBytes: number;
  /** Whether an answer with this head is worth its body. */
  readonly wantsBody: (head: ResponseHead) => boolean;
}

type Controller = Dispatcher.DispatchController;
type Headers = Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>[2];

/** So much of an unwanted body is read, to keep its connection; a longer one costs the connection. */
const UNWANTED = { bytes: 16_384, ms: 1_000 };

/**
 * One request and its answer, as undici's lowest level tells it. That level is used because its
 * others measure time-outs in steps of half a second, and notice that a request was given up
 * only once it has a connection.
 */
export class HttpExchange implements Dispatcher.DispatchHandler {
  readonly outcome: Promise<HttpOutcome>;
  readonly #limits: ExchangeLimits;
  readonly #settle: (outcome: HttpOutcome) => void;
  readonly #chunks: Buffer[] = [];
  #timer: NodeJS.Timeout;
  #controller: Controller | undefined;
  #head: ResponseHead | undefined;
  #bytes = 0;
  #isSettled = false;

  constructor(limits: ExchangeLimits) {
    const { promise, resolve } = Promise.withResolvers<HttpOutcome>();
    this.outcome = promise;
    this.#settle = resolve;
    this.#limits = limits;
    this.#timer = setTimeout(() => {
      this.#stop({ kind: 'not-connected' });
    }, limits.connectTimeoutMs);
  }

  /** Gives it up, at whatever point it is. */
  abort(): void {
    this.#stop({ kind: 'aborted' });
  }

  /** There is a connection, and the request goes out on it. */
  onRequestStart(controller: Controller): void {
    this.#controller = controller;
    if (this.#isSettled) {
      controller.abort(new Error('The request was given up.'));
      return;
    }
    this.#expectBytes(this.#limits.readTimeoutMs, { kind: 'silent' });
  }

  onResponseStart(_controller: Controller, status: number, headers: Headers): void {
    this.#timer.refresh();
    // A provisional answer; the real one follows.
    if (status < 200 || this.#isSettled) return;
    this.#head = { status, header: (name) => headerText(headers, name) };
    const isLarge = Number(this.#head.header('content-length')) > this.#limits.maxBytes;
    if (!this.#limits.wantsBody(this.#head)) {
      this.#finish({ kind: 'head', head: this.#head });
      this.#expectBytes(UNWANTED.ms, { kind: 'head', head: this.#head });
    } else if (isLarge) this.#stop({ kind: 'too-large', head: this.#head });
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#isSettled) {
      if (this.#bytes > UNWANTED.bytes) controller.abort(new Error('The rest is not wanted.'));
      return;
    }
    this.#timer.refresh();
    if (!this.#head) return;
    if (this.#bytes > this.#limits.maxBytes) this.#stop({ kind: 'too-large', head: this.#head });
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#head) this.#finish({ kind: 'response', head: this.#head, body: Buffer.concat(this.#chunks) });
  }

  onResponseError(_controller: Controller, error: unknown): void {
    this.#finish({ kind: 'broken', error, phase: this.#head ? 'body' : 'head' });
  }

  /** The first outcome counts; after it bytes may still arrive, and are dropped. */
  #finish(outcome: HttpOutcome): void {
    clearTimeout(this.#timer);
    this.#isSettled = true;
    this.#settle(outcome);
  }

  /** Nothing may arrive any more: it costs the connection. */
  #stop(outcome: HttpOutcome): void {
    this.#finish(outcome);
    this.#controller?.abort(new Error('The request was given up.'));
  }

  /** Stops with that outcome when the time is over, unless a wanted byte sets the timer back. */
  #expectBytes(withinMs: number, otherwise: HttpOutcome): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#stop(otherwise);
    }, withinMs);
  }
}

function headerText(headers: Headers, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}
