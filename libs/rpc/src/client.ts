import {
  Client,
  connectivityState,
  Metadata,
  status,
  type ClientOptions,
  type ClientReadableStream,
  type ServiceError,
} from '@grpc/grpc-js';
import { Counter, type Registry } from '@hallmark/runtime';
import type {
  CallOptions,
  MethodDefinition,
  RpcClient,
  ServiceDefinition,
  StreamOptions,
} from './service-types.ts';
import { fromServiceError, reasonOf } from './status.ts';
import { channelCredentials, type MutualTls } from './tls.ts';
import { MAX_MESSAGE_BYTES, REQUEST_ID_KEY, SHUTTING_DOWN, STARTING_UP } from './wire.ts';

export interface RpcClientOptions {
  /** What the peer is called in error messages and metrics, such as `identity`. */
  name: string;
  /** `host:port` of each replica. A DNS name with several addresses is several replicas. */
  endpoints: readonly string[];
  tls?: MutualTls | undefined;
  /** HTTP/2 connections per endpoint; more than one spreads calls over the peer's workers. */
  connections?: number;
  registry: Registry;
}

/** Transport failures are retried on the next connection, at most so often per call. */
const MAX_ATTEMPTS = 4;
/**
 * Wait before another attempt, times the number of attempts after the second: in all longer than a connection
 * waits before it is tried again, so that a peer which is back is found even when the other one leaves.
 */
const RETRY_PAUSE_MS = 200;
/** A share of retries above this means that the peers are down, and repeating makes it worse. */
const RETRY_BUDGET = { perCall: 0.2, most: 20 };

const CHANNEL_OPTIONS: ClientOptions = {
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
  // Pings find a peer that vanished without closing its connection.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 3_000,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 300,
  // Each connection is one of its own, also to the same endpoint.
  'grpc.use_local_subchannel_pool': 1,
  // The retry below is the only one.
  'grpc.enable_retries': 0,
  'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
};

/**
 * A typed client of one service over all its replicas, round robin. A unary call
 * that the transport lost goes to the next connection within its deadline, unless it is not safe to
 * repeat; what the peer itself answered is never repeated.
 */
export function createRpcClient<D extends ServiceDefinition>(
  service: D,
  options: RpcClientOptions,
): RpcClient<D> {
  const pool = new ConnectionPool(options);
  const client: Record<string | symbol, unknown> = {
    [Symbol.asyncDispose]: () => {
      pool.close();
      return Promise.resolve();
    },
  };
  for (const [name, method] of Object.entries(service)) {
    client[name] = method.responseStream
      ? (request: unknown, call: StreamOptions) => pool.stream(method, request, call)
      : (request: unknown, call: CallOptions) => pool.unary(method, request, call);
  }
  // The loop above gave it one function per method of D, of the matching kind.
  return client as RpcClient<D>;
}

class ConnectionPool {
  readonly #peer: string;
  readonly #clients: readonly Client[];
  readonly #retries: Counter<'peer'>;
  #next = 0;
  #budget: number = RETRY_BUDGET.most;

  constructor({ name, endpoints, tls, connections = 1, registry }: RpcClientOptions) {
    if (endpoints.length === 0) throw new Error(`No endpoint of ${name} is configured.`);
    this.#peer = name;
    const credentials = channelCredentials(tls);
    this.#clients = Array.from({ length: connections }, () => endpoints)
      .flat()
      .map((endpoint) => new Client(endpoint, credentials, CHANNEL_OPTIONS));
    const registered = registry.getSingleMetric('hallmark_rpc_client_retries_total');
    this.#retries =
      registered instanceof Counter
        ? registered
        : new Counter({
            name: 'hallmark_rpc_client_retries_total',
            help: 'gRPC calls that were repeated because the transport lost them.',
            labelNames: ['peer'],
            registers: [registry],
          });
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }

  async unary(
    method: MethodDefinition<unknown, unknown>,
    request: unknown,
    options: CallOptions,
  ): Promise<unknown> {
    const deadline = Date.now() + options.timeoutMs;
    this.#budget = Math.min(RETRY_BUDGET.most, this.#budget + RETRY_BUDGET.perCall);
    for (let attempt = 1; ; attempt++) {
      try {
        return await once(this.#pick(), method, request, options, deadline);
      } catch (thrown) {
        const error = thrown as ServiceError;
        if (!this.#worthRepeating(error, options, attempt, deadline)) {
          throw fromServiceError(error, this.#peer);
        }
        this.#budget -= 1;
        this.#retries.inc({ peer: this.#peer });
        await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS * (attempt - 1)));
      }
    }
  }

  async *stream(
    method: MethodDefinition<unknown, unknown>,
    request: unknown,
    options: StreamOptions,
  ): AsyncGenerator {
    const client = this.#pick();
    const call = client.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      metadataFor(options),
    );
    // A call that is cancelled without a reader still emits its end as an error.
    call.on('error', () => undefined);
    const cancel = (): void => {
      call.cancel();
    };
    options.signal.addEventListener('abort', cancel);
    try {
      if (options.signal.aborted) return;
      yield* call as ClientReadableStream<unknown> & AsyncIterable<unknown>;
    } catch (thrown) {
      // Ending the watch is what the signal asked for.
      if (!options.signal.aborted) throw fromServiceError(thrown as ServiceError, this.#peer);
    } finally {
      options.signal.removeEventListener('abort', cancel);
      call.cancel();
    }
  }

  /** The next connection that stands; without any, the next that is not known to be broken, else simply the next. */
  #pick(): Client {
    const { length } = this.#clients;
    const { READY, TRANSIENT_FAILURE } = connectivityState;
    let place = this.#next;
    let best: connectivityState | undefined;
    for (let at = this.#next; at < this.#next + length; at++) {
      // One that a peer has ended, or that nobody has used yet, begins to connect by being looked at.
      const state = this.#at(at).getChannel().getConnectivityState(true);
      if (state === READY || (best === undefined && state !== TRANSIENT_FAILURE)) {
        place = at;
        best = state;
      }
      if (state === READY) break;
    }
    this.#next = (place + 1) % length;
    return this.#at(place);
  }

  #at(index: number): Client {
    const client = this.#clients[index % this.#clients.length];
    if (!client) throw new Error('The pool has no connection.');
    return client;
  }

  #worthRepeating(error: ServiceError, options: CallOptions, attempt: number, deadline: number): boolean {
    // UNAVAILABLE of the transport alone: a deadline has already spent the caller's patience,
    // INTERNAL may mean that the work was half done, and the peer's own words are its answer.
    return (
      error.code === status.UNAVAILABLE &&
      isLost(error, options) &&
      attempt < MAX_ATTEMPTS &&
      this.#budget >= 1 &&
      options.signal?.aborted !== true &&
      Date.now() + RETRY_PAUSE_MS * attempt < deadline
    );
  }
}

/** grpc-js's words for a call that waited for a connection in vain. */
const NEVER_SENT = 'No connection established';

/** Whether the call was lost, and neither answered nor perhaps begun by a peer that must not do it twice. */
function isLost(error: ServiceError, { repeatable = true }: CallOptions): boolean {
  const reason = reasonOf(error);
  if (reason === STARTING_UP) return true;
  if (![undefined, SHUTTING_DOWN].includes(reason)) return false;
  return repeatable || error.details.includes(NEVER_SENT);
}

function metadataFor(options: { requestId: string; metadata?: Readonly<Record<string, string>> }): Metadata {
  const metadata = new Metadata();
  metadata.set(REQUEST_ID_KEY, options.requestId);
  for (const [key, value] of Object.entries(options.metadata ?? {})) metadata.set(key, value);
  return metadata;
}

/** One attempt. Rejects with grpc-js's ServiceError. */
async function once(
  client: Client,
  method: MethodDefinition<unknown, unknown>,
  request: unknown,
  options: CallOptions,
  deadline: number,
): Promise<unknown> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    const call = client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      metadataFor(options),
      { deadline },
      (error, response) => {
        signal?.removeEventListener('abort', cancel);
        if (error) reject(error);
        else resolve(response);
      },
    );
    function cancel(): void {
      call.cancel();
    }
    signal?.addEventListener('abort', cancel);
    if (signal?.aborted) cancel();
  });
}
