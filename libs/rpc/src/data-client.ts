import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { timeout, unavailable } from '@hallmark/errors';
import { buildConnector, errors, Pool, type Dispatcher } from 'undici';
import type { DataMethod } from './data-server.ts';
import { parseError } from './data-error.ts';
import type { MutualTls } from './tls.ts';
import { REQUEST_ID_KEY } from './wire.ts';

export interface DataClientOptions {
  /** What the peer is called in error messages, such as `instances`. */
  name: string;
  /** `host:port` of the data listener of each replica. */
  endpoints: readonly string[];
  tls?: MutualTls | undefined;
  /** For how long nothing may move. There is no limit on the whole: it would be one on the size. */
  idleTimeoutMs?: number;
}

/** Which bytes, by the ticket that came by gRPC. */
export interface DataTicket {
  /** Such as `config-drives`. */
  kind: string;
  ticket: string;
}

export interface DataCallOptions {
  /** OpenStack request id of the work that this transfer is part of. */
  requestId: string;
  /** Ends the transfer, also after the headers came. */
  signal?: AbortSignal | undefined;
  headers?: Readonly<Record<string, string>>;
}

/** What came back. Errors are thrown, so the status is one of success. */
export interface DataAnswer {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** To be read to its end or destroyed. Breaks when the connection does. */
  body: Readable;
}

const DEFAULT_IDLE_TIMEOUT_MS = 60_000;
const CONNECT_TIMEOUT_MS = 2_000;
/** An error is a line; what is longer is not from a data listener of ours. */
const MAX_ERROR_BYTES = 64 * 1024;

/** A failure before a connection stood, so that nothing can have been asked of that replica. */
class ConnectFailure extends Error {}

/**
 * Fetches and sends bytes over the data plane of a service, round robin over its replicas. A ticket is good
 * once, so another replica is tried only when the first could not be connected to.
 */
export class DataClient implements AsyncDisposable {
  readonly #peer: string;
  readonly #pools: readonly Pool[];
  #next = 0;

  constructor({ name, endpoints, tls, idleTimeoutMs = DEFAULT_IDLE_TIMEOUT_MS }: DataClientOptions) {
    if (endpoints.length === 0) throw new Error(`No data endpoint of ${name} is configured.`);
    this.#peer = name;
    const connector = buildConnector({
      timeout: CONNECT_TIMEOUT_MS,
      ...(tls && {
        ca: readFileSync(tls.caFile),
        cert: readFileSync(tls.certFile),
        key: readFileSync(tls.keyFile),
      }),
    });
    const connect: buildConnector.connector = (options, callback) => {
      connector(options, (error, socket) => {
        if (error) callback(new ConnectFailure(error.message, { cause: error }), null);
        else callback(null, socket);
      });
    };
    this.#pools = endpoints.map(
      (endpoint) =>
        new Pool(`${tls ? 'https' : 'http'}://${endpoint}`, {
          connect,
          headersTimeout: idleTimeoutMs,
          bodyTimeout: idleTimeoutMs,
        }),
    );
  }

  /** Asks for bytes. @throws HallmarkError as the peer threw it, or `unavailable` DATA_UNAVAILABLE. */
  async get(what: DataTicket, options: DataCallOptions): Promise<DataAnswer> {
    return await this.#call('GET', what, options, undefined);
  }

  /** Sends bytes, read as fast as the peer takes them. Not one is read before a connection stands. */
  async put(
    what: DataTicket,
    body: AsyncIterable<Uint8Array>,
    options: DataCallOptions,
  ): Promise<DataAnswer> {
    return await this.#call('PUT', what, options, body);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.destroy()));
  }

  async #call(
    method: DataMethod,
    { kind, ticket }: DataTicket,
    { requestId, signal, headers }: DataCallOptions,
    body: AsyncIterable<Uint8Array> | undefined,
  ): Promise<DataAnswer> {
    const request: Dispatcher.RequestOptions = {
      method,
      path: `/${kind}/${encodeURIComponent(ticket)}`,
      headers: { ...headers, [REQUEST_ID_KEY]: requestId },
      signal,
    };
    const answer = await this.#connected(signal, (pool) =>
      // A stream ends with the attempt that could not connect. What it would have read is not begun by then.
      pool.request(
        body ? { ...request, body: Readable.from(reading(body), { objectMode: false }) } : request,
      ),
    );
    if (answer.statusCode < 400)
      return { status: answer.statusCode, headers: answer.headers, body: answer.body };
    throw parseError(answer.statusCode, await shortText(answer.body), this.#peer);
  }

  /** Tries one replica after the other, from the next in turn, until one can be connected to. */
  async #connected(
    signal: AbortSignal | undefined,
    attempt: (pool: Pool) => Promise<Dispatcher.ResponseData>,
  ): Promise<Dispatcher.ResponseData> {
    const first = this.#next;
    this.#next = (first + 1) % this.#pools.length;
    const inTurn = [...this.#pools.slice(first), ...this.#pools.slice(0, first)];
    let failure: unknown;
    for (const pool of inTurn) {
      try {
        return await attempt(pool);
      } catch (thrown) {
        failure = thrown;
        if (!(thrown instanceof ConnectFailure)) break;
      }
    }
    signal?.throwIfAborted();
    throw this.#explained(failure);
  }

  #explained(failure: unknown): Error {
    if (failure instanceof errors.HeadersTimeoutError) {
      return timeout('DATA_TIMEOUT', `${this.#peer} did not answer in time.`, { cause: failure });
    }
    const found = failure instanceof ConnectFailure ? 'cannot be reached' : 'broke off the connection';
    return unavailable('DATA_UNAVAILABLE', `The data listener of ${this.#peer} ${found}.`, {
      cause: failure,
      retryAfterSeconds: 1,
    });
  }
}

async function* reading(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  yield* body;
}

async function shortText(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_ERROR_BYTES) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
