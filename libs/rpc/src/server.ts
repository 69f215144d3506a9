import {
  Server,
  status,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type ServerUnaryCall,
  type ServerWritableStream,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { timeout, unavailable } from '@hallmark/errors';
import {
  Counter,
  Histogram,
  formatListenAddress,
  isCarriedRequestId,
  newRequestId,
  type ListenAddress,
  type Logger,
  type Registry,
} from '@hallmark/runtime';
import { HealthImplementation } from 'grpc-health-check';
import { budgetMs } from './deadline.ts';
import { addReflection } from './reflection.ts';
import { allowedNames, listenAddress } from './listen-rule.ts';
import type { Call, Handlers, MethodDefinition, ServiceDefinition } from './service-types.ts';
import { toStatus } from './status.ts';
import { MAX_MESSAGE_BYTES, REQUEST_ID_KEY, SHUTTING_DOWN } from './wire.ts';
import { peerNames, requirePeer, serverCredentials, type MutualTls } from './tls.ts';

export interface RpcServerOptions {
  /** Name of the process, for its log lines. */
  app: string;
  /** Addresses as in `listen` options: `127.0.0.1:8782`, `[::1]:0`. */
  listen: readonly string[];
  /** Without it the server refuses every address but loopback. */
  tls?: MutualTls | undefined;
  /** DNS names of the client certificates that may call; needed with `tls`. */
  allowedClients?: readonly string[];
  log: Logger;
  registry: Registry;
}

type AnyHandler = (request: unknown, call: Call) => Promise<unknown> | AsyncIterable<unknown>;
type RawCall = ServerUnaryCall<unknown, unknown> | ServerWritableStream<unknown, unknown>;

/**
 * A gRPC server of one process: its services, health (`grpc.health.v1`) and reflection. Each call
 * gets a deadline, a request id, a check of the client's certificate name, one log line and one
 * observation. Disposing it ends the streams, lets unary calls finish and closes the ports.
 */
export class RpcServer implements AsyncDisposable {
  readonly #options: RpcServerOptions;
  readonly #server: Server;
  readonly #health = new HealthImplementation({ '': 'NOT_SERVING' });
  readonly #allowed: ReadonlySet<string>;
  readonly #closing = new AbortController();
  readonly #handled: Counter<'method' | 'code'>;
  readonly #seconds: Histogram<'method'>;
  readonly #services: string[] = [];

  constructor(options: RpcServerOptions) {
    this.#options = options;
    this.#allowed = allowedNames(options.app, options.allowedClients, options.tls);
    this.#server = new Server({
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    });
    this.#health.addToServer(this.#server);
    const registers = [options.registry];
    this.#handled = new Counter({
      name: 'hallmark_rpc_server_handled_total',
      help: 'gRPC calls that ended, by method and status code.',
      labelNames: ['method', 'code'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'hallmark_rpc_server_seconds',
      help: 'Time that unary gRPC calls took.',
      labelNames: ['method'],
      buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10],
      registers,
    });
  }

  /** Adds a service. All are added before `listen`. */
  add<D extends ServiceDefinition>(service: D, handlers: Handlers<D>): this {
    const implementation: UntypedServiceImplementation = {};
    for (const [name, method] of Object.entries(service)) {
      const handler = handlers[name] as AnyHandler;
      const bound: AnyHandler = (request, call) => handler.call(handlers, request, call);
      implementation[name] = method.responseStream ? this.#stream(method, bound) : this.#unary(method, bound);
      const serviceName = method.path.split('/')[1] ?? '';
      if (!this.#services.includes(serviceName)) this.#services.push(serviceName);
    }
    this.#server.addService(service, implementation);
    return this;
  }

  /** Opens the ports and starts serving. Returns the addresses really bound, in order. */
  async listen(): Promise<readonly string[]> {
    addReflection(this.#server, this.#services);
    const bound: string[] = [];
    for (const text of this.#options.listen) {
      bound.push(await this.#bind(listenAddress(`[${this.#options.app}] listen`, text, this.#options.tls)));
    }
    this.setServing(true);
    return bound;
  }

  async #bind(address: ListenAddress): Promise<string> {
    const credentials = serverCredentials(this.#options.tls);
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(formatListenAddress(address), credentials, (error, port) => {
        if (error) reject(error);
        else resolve(formatListenAddress({ ...address, port }));
      });
    });
  }

  /** What health checks are told. */
  setServing(serving: boolean): void {
    for (const service of ['', ...this.#services]) {
      this.#health.setStatus(service, serving ? 'SERVING' : 'NOT_SERVING');
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.setServing(false);
    this.#closing.abort(
      unavailable(SHUTTING_DOWN, `${this.#options.app} is shutting down.`, { retryAfterSeconds: 1 }),
    );
    await new Promise<void>((resolve) => {
      this.#server.tryShutdown(() => {
        resolve();
      });
    });
  }

  #unary(method: MethodDefinition<unknown, unknown>, handler: AnyHandler): handleUnaryCall<unknown, unknown> {
    return (raw, callback) => {
      this.#serve(method, raw, async (call) => handler(raw.request, call)).then(
        (response) => {
          callback(null, response);
        },
        (thrown: unknown) => {
          callback(toStatus(thrown));
        },
      );
    };
  }

  #stream(
    method: MethodDefinition<unknown, unknown>,
    handler: AnyHandler,
  ): handleServerStreamingCall<unknown, unknown> {
    const closing = this.#closing.signal;
    return (raw) => {
      this.#serve(method, raw, async (call) => {
        const messages = handler(raw.request, call) as AsyncIterable<unknown>;
        for await (const message of messages) {
          if (!raw.write(message)) await drained(raw, call.signal);
          if (call.signal.aborted) break;
        }
        closing.throwIfAborted();
      }).then(
        () => {
          raw.end();
        },
        (thrown: unknown) => {
          raw.emit('error', toStatus(thrown));
        },
      );
    };
  }

  /** What every call has in common, around the `work` that answers it. */
  async #serve<T>(
    method: MethodDefinition<unknown, unknown>,
    raw: RawCall,
    work: (call: Call) => Promise<T>,
  ): Promise<T> {
    const startedAt = performance.now();
    const hungUp = new AbortController();
    raw.on('cancelled', () => {
      hungUp.abort(unavailable('CANCELLED', 'The caller hung up.'));
    });
    const given = raw.metadata.get(REQUEST_ID_KEY)[0];
    const call: Call = {
      requestId: typeof given === 'string' && isCarriedRequestId(given) ? given : newRequestId(),
      // A stream would outlive the server; a unary call is finished first.
      signal: method.responseStream ? AbortSignal.any([hungUp.signal, this.#closing.signal]) : hungUp.signal,
      remainingMs: () => budgetMs(raw.getDeadline(), Date.now()),
      event: {},
      metadata: raw.metadata,
    };
    let timer: NodeJS.Timeout | undefined;
    try {
      if (this.#options.tls) requirePeer(this.#allowed, raw.getAuthContext());
      if (!method.responseStream) {
        timer = setTimeout(() => {
          hungUp.abort(timeout('NO_TIME_LEFT', 'The deadline has passed.'));
        }, call.remainingMs());
      }
      const result = await work(call);
      this.#ended(method, raw, call, startedAt, status.OK);
      return result;
    } catch (thrown) {
      this.#ended(method, raw, call, startedAt, toStatus(thrown).code, thrown);
      throw thrown;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The one log line and the observations of a call. */
  #ended(
    method: MethodDefinition<unknown, unknown>,
    raw: RawCall,
    call: Call,
    startedAt: number,
    code: status,
    thrown?: unknown,
  ): void {
    const name = method.path.slice(1);
    const latencyMs = performance.now() - startedAt;
    this.#handled.inc({ method: name, code: status[code] });
    if (!method.responseStream) this.#seconds.observe({ method: name }, latencyMs / 1000);
    const line = {
      ...call.event,
      rpc: name,
      code: status[code],
      latencyMs: Math.round(latencyMs * 100) / 100,
      requestId: call.requestId,
      client: peerNames(raw.getAuthContext())[0],
      ...(thrown === undefined ? {} : { err: thrown }),
    };
    this.#options.log[code === status.INTERNAL ? 'error' : 'info'](line, 'rpc');
  }
}

/** Waits until the peer has taken what was written, or is gone. */
async function drained(raw: ServerWritableStream<unknown, unknown>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      raw.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    raw.on('drain', done);
    signal.addEventListener('abort', done);
  });
}
