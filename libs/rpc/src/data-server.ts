import { readFileSync } from 'node:fs';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { TLSSocket } from 'node:tls';
import { notFound, unavailable } from '@hallmark/errors';
import {
  Counter,
  formatListenAddress,
  isCarriedRequestId,
  newRequestId,
  type ListenAddress,
  type Logger,
  type Registry,
} from '@hallmark/runtime';
import { renderError } from './data-error.ts';
import { allowedNames, listenAddress } from './listen-rule.ts';
import { peerNames, requirePeer, type MutualTls } from './tls.ts';
import { REQUEST_ID_KEY, SHUTTING_DOWN } from './wire.ts';

export interface DataServerOptions {
  /** Name of the process, for its log lines and the section of its options. */
  app: string;
  /** Addresses as in `data_listen` options. */
  listen: readonly string[];
  /** Without it the server refuses every address but loopback. */
  tls?: MutualTls | undefined;
  /** DNS names of the client certificates that may call; needed with `tls`. */
  allowedClients?: readonly string[];
  /** For how long nothing may move on a connection that has work to do. */
  idleTimeoutMs?: number;
  log: Logger;
  registry: Registry;
}

export type DataMethod = 'GET' | 'PUT';

/** What a handler knows of the transfer it serves. */
export interface Transfer {
  /** What the caller shows for the right to it; the handler redeems it. */
  readonly ticket: string;
  readonly headers: IncomingHttpHeaders;
  /** The bytes of a PUT. What is left of them when the handler fails is read away, if it is not too much. */
  readonly body: Readable;
  readonly requestId: string;
  /** Aborted when the caller hangs up before the answer is complete. */
  readonly signal: AbortSignal;
  /** Fields of the one log line that this transfer writes when it ends. */
  readonly event: Record<string, unknown>;
}

export interface DataReply {
  /** Default: 200. */
  readonly status?: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Read as fast as the caller takes it. When it breaks, the connection does, so that the caller knows. */
  readonly body: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

export type DataHandler = (transfer: Transfer) => Promise<DataReply>;

const DEFAULT_IDLE_TIMEOUT_MS = 60_000;
/** Longer than clients keep a connection that rests; they are told. */
const KEEP_ALIVE_MS = 30_000;
/** More than is on its way on any network when the answer arrives. */
const MOST_READ_AWAY_BYTES = 16 * 1024 * 1024;

/** What a transfer has come to, for its log line. */
interface Outcome {
  status: number;
  bytes: number;
  thrown?: unknown;
}

/**
 * The data plane of a service: bytes of any length over HTTP, `METHOD /KIND/TICKET`, where the ticket came
 * by gRPC and is the right to one transfer. Disposing it lets transfers finish and closes the ports.
 */
export class DataServer implements AsyncDisposable {
  readonly #options: DataServerOptions;
  readonly #allowed: ReadonlySet<string>;
  readonly #handlers = new Map<string, DataHandler>();
  readonly #servers: Server[] = [];
  readonly #handled: Counter<'route' | 'status'>;
  readonly #bytes: Counter<'route'>;
  #closing = false;

  constructor(options: DataServerOptions) {
    this.#options = options;
    this.#allowed = allowedNames(options.app, options.allowedClients, options.tls);
    const registers = [options.registry];
    this.#handled = new Counter({
      name: 'hallmark_data_server_handled_total',
      help: 'Transfers of the data plane that ended, by route and status; status 0 broke off on the way.',
      labelNames: ['route', 'status'],
      registers,
    });
    this.#bytes = new Counter({
      name: 'hallmark_data_server_sent_bytes_total',
      help: 'Bytes that the data plane sent.',
      labelNames: ['route'],
      registers,
    });
  }

  /** Serves `METHOD /KIND/TICKET`. All routes are added before `listen`. */
  route(method: DataMethod, kind: string, handler: DataHandler): this {
    this.#handlers.set(`${method} ${kind}`, handler);
    return this;
  }

  /** Opens the ports. Returns the addresses really bound, in order. */
  async listen(): Promise<readonly string[]> {
    const { app, tls, listen } = this.#options;
    const addresses = listen.map((text) => listenAddress(`[${app}] data_listen`, text, tls));
    const bound: string[] = [];
    for (const address of addresses) bound.push(await this.#bind(address));
    return bound;
  }

  async #bind(address: ListenAddress): Promise<string> {
    const serve = (request: IncomingMessage, response: ServerResponse): void => {
      void this.#serve(request, response);
    };
    const { tls, idleTimeoutMs = DEFAULT_IDLE_TIMEOUT_MS } = this.#options;
    const server = tls ? createTlsServer(tlsOptions(tls), serve) : createServer(serve);
    server.requestTimeout = 0; // an upload may take hours, as long as it moves
    server.timeout = idleTimeoutMs;
    server.keepAliveTimeout = KEEP_ALIVE_MS;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(address, () => {
        server.off('error', reject);
        resolve();
      });
    });
    this.#servers.push(server);
    const { port } = server.address() as { port: number };
    return formatListenAddress({ ...address, port });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    const closed = this.#servers.map((server) => new Promise((resolve) => server.close(resolve)));
    await Promise.all(closed);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedAt = performance.now();
    const given = request.headers[REQUEST_ID_KEY];
    const requestId = typeof given === 'string' && isCarriedRequestId(given) ? given : newRequestId();
    const hungUp = new AbortController();
    response.on('close', () => {
      if (!response.writableFinished) hungUp.abort(unavailable('CANCELLED', 'The caller hung up.'));
    });
    const [, kind = '', ticket = '', ...rest] = (request.url ?? '').split('/');
    const route = `${request.method ?? ''} ${kind}`;
    const event: Record<string, unknown> = {};
    const outcome: Outcome = { status: 0, bytes: 0 };
    const known = this.#handlers.get(route);
    try {
      if (this.#closing) throw unavailable(SHUTTING_DOWN, `${this.#options.app} is shutting down.`);
      if (this.#options.tls) requirePeer(this.#allowed, peerOf(request));
      if (!known || ticket === '' || rest.length > 0)
        throw notFound('ROUTE_UNKNOWN', 'There is no such route.');
      const { headers } = request;
      const reply = await known({ ticket, headers, body: request, requestId, signal: hungUp.signal, event });
      await this.#send(reply, response, outcome);
    } catch (thrown) {
      outcome.thrown = thrown;
      readAway(request);
      await this.#fail(thrown, response, outcome);
    }
    if (this.#closing) for (const server of this.#servers) server.closeIdleConnections();
    // Only routes there are become labels: what a stranger makes up is unbounded.
    this.#ended(known ? route : 'unknown', { startedAt, requestId, event, request }, outcome);
  }

  async #send(
    { status = 200, headers, body }: DataReply,
    response: ServerResponse,
    outcome: Outcome,
  ): Promise<void> {
    response.writeHead(status, { ...headers, ...this.#connectionHeader() });
    await pipeline(counted(body, outcome), response);
    outcome.status = status;
  }

  async #fail(thrown: unknown, response: ServerResponse, outcome: Outcome): Promise<void> {
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    const { status, body } = renderError(thrown);
    response.writeHead(status, { 'content-type': 'application/json', ...this.#connectionHeader() });
    await new Promise<void>((resolve) => {
      response.on('close', resolve);
      response.end(body);
    });
    outcome.status = status;
  }

  #connectionHeader(): Record<string, string> {
    return this.#closing ? { connection: 'close' } : {};
  }

  /** The one log line and the observations of a transfer. The ticket stands in neither. */
  #ended(
    route: string,
    about: { startedAt: number; requestId: string; event: Record<string, unknown>; request: IncomingMessage },
    { status, bytes, thrown }: Outcome,
  ): void {
    this.#handled.inc({ route, status });
    this.#bytes.inc({ route }, bytes);
    const line = {
      ...about.event,
      data: route,
      status,
      bytes,
      latencyMs: Math.round((performance.now() - about.startedAt) * 100) / 100,
      requestId: about.requestId,
      client: peerNames(peerOf(about.request))[0],
      ...(thrown === undefined ? {} : { err: thrown }),
    };
    this.#options.log[status === 500 ? 'error' : 'info'](line, 'data');
  }
}

/**
 * What a refused caller is still sending is read and dropped, or else the system resets the connection
 * before the caller has seen why. One that goes on in spite of the answer is hung up on.
 */
function readAway(request: IncomingMessage): void {
  if (request.readableEnded || request.destroyed) return;
  let left = MOST_READ_AWAY_BYTES;
  request.on('error', () => undefined);
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) request.destroy();
  });
}

function tlsOptions({ certFile, keyFile, caFile }: MutualTls) {
  return {
    cert: readFileSync(certFile),
    key: readFileSync(keyFile),
    ca: readFileSync(caFile),
    requestCert: true,
    rejectUnauthorized: true,
  };
}

/** The client's certificate in the form in which gRPC has it. */
function peerOf({ socket }: IncomingMessage): Parameters<typeof peerNames>[0] {
  return socket instanceof TLSSocket ? { sslPeerCertificate: socket.getPeerCertificate() } : null;
}

async function* counted(body: DataReply['body'], outcome: Outcome): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of body) {
    yield chunk;
    outcome.bytes += chunk.length;
  }
}
