import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import { Server as NetServer, type ListenOptions } from 'node:net';
import type { Duplex } from 'node:stream';
import { bindOptions, formatListenAddress } from '@hallmark/runtime';

/** What a listener with TLS shows, in PEM. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface ListenersOptions {
  readonly listen: readonly string[];
  /** Undefined: plain HTTP. */
  readonly certificate: Certificate | undefined;
  readonly handler: RequestListener;
  /** Requests whose callers hold their body back until they are told to go on. Without it all are told at once. */
  readonly onExpect?: RequestListener;
  /** Longest time for a whole request to arrive; 0: it may take for ever. Default: half a minute. */
  readonly requestTimeoutMs?: number;
  /** Bytes came that are no request, or not in time. */
  readonly onMalformed: (error: Error, socket: Duplex) => void;
}

/** A body of a megabyte over a bad line; Nova gives up long before. */
const REQUEST_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 10_000;
/** Longer than the minute that load balancers and clients commonly keep idle connections. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
/** How often Node looks for connections over those limits. */
const CHECK_EVERY_MS = 1_000;
/** When stopping: how long an idle connection is left to bring the request that may be on its way. */
const LAST_CALL_MS = 1_000;

const SERVER_OPTIONS: ServerOptions = {
  headersTimeout: HEADERS_TIMEOUT_MS,
  keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
  connectionsCheckingInterval: CHECK_EVERY_MS,
};

/** One request handler on several addresses, with or without TLS. Disposing it loses no request. */
export class Listeners implements AsyncDisposable {
  readonly #servers: readonly Server[];

  private constructor(servers: readonly Server[]) {
    this.#servers = servers;
  }

  /** Opens every address, or none. */
  static async open(options: ListenersOptions): Promise<Listeners> {
    const { listen, certificate, handler, onExpect, onMalformed } = options;
    const { requestTimeoutMs = REQUEST_TIMEOUT_MS } = options;
    const common: ServerOptions = { ...SERVER_OPTIONS, requestTimeout: requestTimeoutMs };
    const servers: Server[] = [];
    try {
      for (const address of bindOptions(listen)) {
        const server = certificate
          ? createTlsServer({ ...common, ...certificate }, handler)
          : createServer(common, handler);
        servers.push(server);
        if (onExpect) server.on('checkContinue', onExpect);
        server.on('clientError', onMalformed);
        await listening(server, address);
      }
    } catch (error) {
      for (const server of servers) server.close();
      throw error;
    }
    return new Listeners(servers);
  }

  /** Where requests are taken, in the order of `listen`. */
  get addresses(): readonly string[] {
    return this.#servers.map((server) => {
      const bound = server.address();
      if (bound === null || typeof bound === 'string') throw new Error('The listener is closed.');
      return formatListenAddress({ host: bound.address, port: bound.port });
    });
  }

  /** Shows a renewed certificate to new connections. */
  renew(certificate: Certificate): void {
    for (const server of this.#servers) {
      if (server instanceof TlsServer) server.setSecureContext(certificate);
    }
  }

  /**
   * Takes no more connections and waits for those that there are. Whoever answers says
   * `Connection: close` from now on. Node's own `close` would at once destroy idle connections, and
   * with them a request that has arrived but was not read yet.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    // What the system has accepted for us is taken in first.
    await nextTurn();
    const closed = this.#servers.map(async (server) => {
      // A connection that never brought a request is not waited for longer than an idle one.
      server.headersTimeout = LAST_CALL_MS;
      await new Promise((resolve) => NetServer.prototype.close.call(server, resolve));
      server.close();
    });
    const idle = setInterval(() => void this.#closeIdle(), LAST_CALL_MS);
    await Promise.all(closed);
    clearInterval(idle);
  }

  async #closeIdle(): Promise<void> {
    // Right after reading: a request that has arrived makes its connection busy.
    await nextTurn();
    for (const server of this.#servers) server.closeIdleConnections();
  }
}

async function listening(server: Server, options: ListenOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function nextTurn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
