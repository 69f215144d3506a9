import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { finished } from 'node:stream/promises';
import { headOf } from './requests.ts';
import { isPattern, patternAt } from './pattern.ts';

/** One transfer of the pattern in one direction. */
export interface BulkPlan {
  readonly port: number;
  readonly method: 'PUT' | 'GET';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** How many are sent, or must come. */
  readonly bytes: number;
}

export interface BulkResult {
  /** 0: the connection broke. */
  readonly status: number;
  readonly seconds: number;
  /** Of a GET, whether every byte came and was right. */
  readonly intact: boolean;
}

/** When nothing moves for so long, it is given up. */
const SILENCE_MS = 60_000;
const HEADERS_END = Buffer.from('\r\n\r\n');

/** Does the least that a client of its own connection can: it looks at bytes, and copies and digests none. */
export async function runBulk(plan: BulkPlan): Promise<BulkResult> {
  const { port, method, path, headers, bytes } = plan;
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.setTimeout(SILENCE_MS, () => socket.destroy());
  const answer = new Answer(socket);
  const startedAt = performance.now();
  const type = { 'Content-Type': 'application/octet-stream', 'Content-Length': String(bytes) };
  socket.write(
    headOf(port, method, path, { ...headers, Connection: 'close', ...(method === 'PUT' && type) }),
  );
  if (method === 'PUT') await send(socket, bytes);
  await finished(socket, { writable: false }).catch(() => undefined); // a broken answer is none
  return {
    status: answer.status,
    seconds: (answer.lastAt - startedAt) / 1_000,
    intact: answer.isPattern && answer.bytes === bytes,
  };
}

async function send(socket: Socket, bytes: number): Promise<void> {
  for (let sent = 0; sent < bytes && !socket.destroyed;) {
    const piece = patternAt(sent, bytes - sent);
    sent += piece.length;
    if (!socket.write(piece)) await drained(socket);
  }
}

/** Resolves when there is room again, or nobody to send to. */
async function drained(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });
}

/** What comes back, looked at as it comes. */
class Answer {
  status = 0;
  bytes = 0;
  isPattern = true;
  lastAt = NaN;
  #head: Buffer | undefined = Buffer.alloc(0);

  constructor(socket: Socket) {
    socket.on('error', () => undefined); // 'close' follows
    socket.on('data', (piece) => this.#take(piece));
  }

  #take(piece: Buffer): void {
    this.lastAt = performance.now();
    if (!this.#head) {
      this.#body(piece);
      return;
    }
    this.#head = Buffer.concat([this.#head, piece]);
    const end = this.#head.indexOf(HEADERS_END);
    if (end < 0) return;
    this.status = Number(this.#head.toString('latin1', 'HTTP/1.1 '.length, 'HTTP/1.1 200'.length));
    const body = this.#head.subarray(end + HEADERS_END.length);
    this.#head = undefined;
    this.#body(body);
  }

  #body(piece: Buffer): void {
    this.isPattern &&= isPattern(piece, this.bytes);
    this.bytes += piece.length;
  }
}
