import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { resetSocket } from '@hallmark/testing';

export interface RawReply {
  readonly status: number;
  /** The headers as they came. */
  readonly lines: readonly string[];
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** A connection on which every byte is the test's own. */
export class RawConnection implements Disposable {
  readonly #socket: Socket;
  #received = '';
  isClosed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => (this.#received += text));
    socket.on('close', () => (this.isClosed = true));
    socket.on('error', () => undefined);
  }

  static async open(address: string): Promise<RawConnection> {
    const { hostname, port } = new URL(`http://${address}`);
    const socket = connect(Number(port), hostname.replace(/^\[|\]$/g, ''));
    await once(socket, 'connect');
    return new RawConnection(socket);
  }

  send(text: string | Buffer): void {
    this.#socket.write(text);
  }

  /** Leaves without a word. */
  hangUp(): void {
    resetSocket(this.#socket);
  }

  /** The next reply, whole; fails when the connection ends before. `headOnly`: it is one to HEAD. */
  async reply(headOnly = false): Promise<RawReply> {
    for (;;) {
      const reply = this.#take(headOnly);
      if (reply) return reply;
      if (this.isClosed)
        throw new Error(`The connection was closed after ${JSON.stringify(this.#received)}.`);
      await Promise.race([once(this.#socket, 'data'), once(this.#socket, 'close')]);
    }
  }

  async closed(): Promise<void> {
    if (!this.isClosed) await once(this.#socket, 'close');
  }

  #take(headOnly: boolean): RawReply | undefined {
    const end = this.#received.indexOf('\r\n\r\n');
    if (end === -1) return undefined;
    const [start = '', ...lines] = this.#received.slice(0, end).split('\r\n');
    const headers = new Map(
      lines.map((line): [string, string] => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    const length = headOnly ? 0 : Number(headers.get('content-length') ?? 0);
    if (this.#received.length < end + 4 + length) return undefined;
    const body = this.#received.slice(end + 4, end + 4 + length);
    this.#received = this.#received.slice(end + 4 + length);
    return { status: Number(start.split(' ')[1]), lines, headers, body };
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}
