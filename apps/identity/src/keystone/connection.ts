import { setTimeout as sleep } from 'node:timers/promises';
import { unavailable, type HallmarkError } from '@hallmark/errors';
import { Agent, request as httpRequest } from 'undici';
import { errorCode } from './error-code.ts';

/** What is asked of Keystone: the label under which a request is counted. */
export type Operation = 'discover' | 'login' | 'validate';

/** How a request ended: the class of its status, or why there is none. */
export type RequestOutcome = '2xx' | '3xx' | '4xx' | '5xx' | 'timeout' | 'unreachable';

export type RequestObserver = (operation: Operation, outcome: RequestOutcome, seconds: number) => void;

export interface ConnectionOptions {
  /** Longest time for one operation, repeats included. */
  readonly timeoutMs: number;
  /** Longest wait for a connection. Undefined: as long as the operation may take. */
  readonly connectTimeoutMs?: number | undefined;
  /** How often a request that could not reach Keystone is repeated. */
  readonly retries: number;
  /** PEM texts. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Leaves Keystone's certificate unverified. */
  readonly insecure: boolean;
}

export interface KeystoneRequest {
  readonly operation: Operation;
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface KeystoneReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** Keystone has few workers; what does not fit waits here, within its time limit. */
const MAX_CONNECTIONS = 32;
/** A token body without catalog is some KiB; trusts and federated groups make it longer. */
const MAX_RESPONSE_BYTES = 1_048_576;
/** First wait before a repeat, doubled each time. */
const RETRY_PAUSE_MS = 50;
/** When a caller that got no answer may try again. */
const RETRY_AFTER_SECONDS = 2;

/** Failures of getting there; none of these says that Keystone worked on the request. */
const UNREACHABLE = new Set([
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_SOCKET',
]);

/** Keystone cannot be asked, or gave an answer that is of no use: an outage, never a verdict on a token. */
export function keystoneUnavailable(message: string, cause?: unknown): HallmarkError {
  return unavailable('KEYSTONE_UNAVAILABLE', message, { cause, retryAfterSeconds: RETRY_AFTER_SECONDS });
}

/** HTTP to one Keystone. Redirects are not followed: credentials go where the operator said. */
export class KeystoneConnection implements AsyncDisposable {
  readonly #options: ConnectionOptions;
  readonly #observe: RequestObserver;
  readonly #agent: Agent;

  constructor(options: ConnectionOptions, observe: RequestObserver) {
    this.#options = options;
    this.#observe = observe;
    this.#agent = new Agent({
      connections: MAX_CONNECTIONS,
      maxResponseSize: MAX_RESPONSE_BYTES,
      connect: {
        timeout: options.connectTimeoutMs ?? options.timeoutMs,
        rejectUnauthorized: !options.insecure,
        ...(options.ca === undefined ? {} : { ca: options.ca }),
        ...(options.cert === undefined ? {} : { cert: options.cert, key: options.key }),
      },
    });
  }

  /** A limit for the requests of one operation, beginning now. */
  timeLimit(): AbortSignal {
    return AbortSignal.timeout(this.#options.timeoutMs);
  }

  /**
   * Sends a request, again when it could not reach Keystone: all that is asked here may be asked twice.
   *
   * @throws HallmarkError `unavailable` when there is no answer within the limit.
   */
  async send(request: KeystoneRequest, limit: AbortSignal): Promise<KeystoneReply> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#sendOnce(request, limit);
      } catch (thrown) {
        if (attempt >= this.#options.retries || !UNREACHABLE.has(errorCode(thrown))) {
          throw this.#failure(thrown, limit);
        }
        await sleep(RETRY_PAUSE_MS * 2 ** attempt, undefined, { signal: limit }).catch(() => {
          throw this.#failure(thrown, limit);
        });
      }
    }
  }

  /** Waits for something that others wait for too, but not beyond the limit. */
  async within<T>(limit: AbortSignal, work: Promise<T>): Promise<T> {
    const { promise: over, reject } = Promise.withResolvers<never>();
    const giveUp = (): void => {
      reject(this.#failure(limit.reason, limit));
    };
    if (limit.aborted) giveUp();
    limit.addEventListener('abort', giveUp);
    try {
      return await Promise.race([work, over]);
    } finally {
      limit.removeEventListener('abort', giveUp);
    }
  }

  /** Lets what is on its way finish within its limits, and takes nothing new. */
  async drain(): Promise<void> {
    await this.#agent.close();
  }

  /** Breaks off what is on its way: nobody waits for it any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }

  async #sendOnce(request: KeystoneRequest, limit: AbortSignal): Promise<KeystoneReply> {
    const { operation, method, url, body } = request;
    const startedAt = performance.now();
    const ended = (outcome: RequestOutcome): void => {
      this.#observe(operation, outcome, (performance.now() - startedAt) / 1000);
    };
    try {
      const response = await httpRequest(url, {
        method,
        headers: { Accept: 'application/json', 'User-Agent': 'hallmark-identity', ...request.headers },
        body: body ?? null,
        dispatcher: this.#agent,
        signal: limit,
      });
      const text = await response.body.text();
      ended(outcomeOf(response.statusCode));
      return { status: response.statusCode, headers: response.headers, text };
    } catch (thrown) {
      ended(limit.aborted ? 'timeout' : 'unreachable');
      throw thrown;
    }
  }

  #failure(thrown: unknown, limit: AbortSignal): HallmarkError {
    return limit.aborted
      ? keystoneUnavailable(`Keystone did not answer within ${this.#options.timeoutMs / 1000} s.`, thrown)
      : keystoneUnavailable(`Keystone cannot be reached (${errorCode(thrown)}).`, thrown);
  }
}

function outcomeOf(status: number): RequestOutcome {
  if (status < 300) return '2xx';
  if (status < 400) return '3xx';
  return status < 500 ? '4xx' : '5xx';
}
