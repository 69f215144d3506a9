import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const HEADERS_END = Buffer.from('\r\n\r\n');
const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)/i;
const NO_CONTENT = '204';
const NOTHING = Buffer.alloc(0);
const CLOSES = /\r\nconnection: *close/i;

/** Takes the status of an answer, 0 when the connection broke, and its body. */
export type Answered = (status: number, body: Buffer) => void;

/**
 * One keep-alive HTTP/1.1 connection with at most one request on its way. It does the least that a
 * client can: on two cores, a client that costs more than the server measures itself.
 */
export class Connection {
  readonly #socket: Socket;
  #received: Buffer = NOTHING;
  #answered: Answered | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('error', () => undefined); // 'close' follows
    socket.on('close', () => this.#answer(0, NOTHING));
  }

  static async open(port: number): Promise<Connection> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new Connection(socket);
  }

  /** Calls back with what was answered. */
  send(request: Buffer, answered: Answered): void {
    if (this.#socket.destroyed) {
      setImmediate(answered, 0, NOTHING);
      return;
    }
    this.#answered = answered;
    this.#socket.write(request);
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    const received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const headersLength = received.indexOf(HEADERS_END);
    const head = received.toString('latin1', 0, Math.max(0, headersLength));
    const status = head.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length);
    const contentLength = status === NO_CONTENT ? 0 : Number(CONTENT_LENGTH.exec(head)?.[1] ?? NaN);
    // Servers here always tell the length; one that doesn't is never complete, and its request fails.
    const complete =
      headersLength >= 0 && received.length >= headersLength + HEADERS_END.length + contentLength;
    this.#received = complete ? NOTHING : received;
    if (!complete) return;
    if (CLOSES.test(head)) this.#socket.destroy();
    this.#answer(Number(status), received.subarray(headersLength + HEADERS_END.length));
  }

  #answer(status: number, body: Buffer): void {
    const answered = this.#answered;
    this.#answered = undefined;
    answered?.(status, body);
  }
}
