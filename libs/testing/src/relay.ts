import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { freePort } from './ports.ts';
import { resetSocket } from './reset-socket.ts';

/** A wire between a client and a server that a test can cut, block or slow down. */
export class Relay implements AsyncDisposable {
  readonly host = '127.0.0.1';
  readonly port: number;
  /** How long each piece of data takes on the way, in either direction. */
  delayMs = 0;
  /** Connections accepted so far. */
  accepted = 0;
  readonly #to: { readonly host: string; readonly port: number };
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #blocked = false;

  private constructor(port: number, to: { readonly host: string; readonly port: number }) {
    this.port = port;
    this.#to = to;
  }

  static async start(to: { readonly host: string; readonly port: number }): Promise<Relay> {
    const relay = new Relay(await freePort(), to);
    await relay.#listen();
    return relay;
  }

  /** Resets all connections, and refuses new ones. */
  async cut(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) resetSocket(socket);
    if (server) {
      server.close();
      await once(server, 'close');
    }
  }

  /** Lets nothing through any more in either direction, and still accepts connections: a black hole. */
  block(): void {
    this.#blocked = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** Ends a cut or a block. What was held back in a block arrives now. */
  async restore(): Promise<void> {
    this.#blocked = false;
    for (const socket of this.#sockets) socket.resume();
    if (!this.#server) await this.#listen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cut();
  }

  async #listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (client) => this.#relay(client));
    server.listen(this.port, this.host);
    await once(server, 'listening');
    this.#server = server;
  }

  #relay(client: Socket): void {
    this.accepted += 1;
    const upstream = connect({ ...this.#to, allowHalfOpen: true });
    this.#forward(client, upstream);
    this.#forward(upstream, client);
  }

  #forward(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    const later = (act: () => void): void => {
      if (this.delayMs === 0) act();
      else setTimeout(act, this.delayMs);
    };
    from.on('data', (data) => later(() => to.write(data)));
    from.on('end', () => later(() => to.end()));
    from.on('error', () => undefined); // told by `close`
    from.on('close', (hadError) => {
      this.#sockets.delete(from);
      // What one end broke off breaks off at the other: half a connection would hang for ever.
      if (hadError) resetSocket(to);
    });
    if (this.#blocked) from.pause();
  }
}

export async function startRelay(to: { readonly host: string; readonly port: number }): Promise<Relay> {
  return await Relay.start(to);
}
