import { createHash } from 'node:crypto';
import { on } from 'node:events';
import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';

/** What a thread is told of new data; the data itself comes over the port. */
export interface DigestBegin {
  readonly port: MessagePort;
  readonly algorithm: string;
}

/** The next of the data, or that there is no more. The buffer comes back, and after the end the digests. */
export type DigestMessage = { readonly buffer: ArrayBuffer; readonly length: number } | 'end';

export interface Digests {
  /** MD5, in hexadecimal digits. */
  readonly checksum: string;
  /** By the algorithm that was asked for, in hexadecimal digits. */
  readonly hashValue: string;
}

/** What goes to a thread at a time: with much less, the messages cost more than the digests. */
const BATCH_BYTES = 256 * 1024;
/** So many of them are on their way, of the data of one image: what an upload may add to the memory. */
const BATCHES = 4;

interface Thread {
  readonly worker: Worker;
  /** Images that it digests the data of. */
  busy: number;
}

/**
 * Threads that digest data which flows by. On the event loop digests would take most of the time of an upload,
 * and every other request would wait for them. A thread is started when there is much to digest.
 */
export class DigestThreads implements AsyncDisposable {
  /** The event loop needs a processor as well. */
  readonly #most = Math.max(1, availableParallelism() - 1);
  #threads: Thread[] = [];

  /** Digests data by MD5 and by `algorithm`, which is one of Node's. */
  begin(algorithm: string): Digesting {
    return new Digesting(algorithm, () => this.#connect(algorithm));
  }

  /** Ends the threads. What they have not digested yet fails. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()));
  }

  #connect(algorithm: string): Line {
    const thread = this.#leastBusy();
    const { port1, port2 } = new MessageChannel();
    thread.worker.postMessage({ port: port2, algorithm } satisfies DigestBegin, [port2]);
    thread.busy += 1;
    return new Line(port1, () => (thread.busy -= 1));
  }

  #leastBusy(): Thread {
    const [least] = this.#threads.toSorted((left, right) => left.busy - right.busy);
    return least && (least.busy === 0 || this.#threads.length >= this.#most) ? least : this.#start();
  }

  #start(): Thread {
    const file = `digest-thread${extname(import.meta.filename)}`;
    const worker = new Worker(new URL(file, import.meta.url));
    const thread = { worker, busy: 0 };
    // Those whose data it had hear of it by their ports, which close with it.
    worker.on('error', () => undefined);
    worker.on('exit', () => (this.#threads = this.#threads.filter((other) => other !== thread)));
    worker.unref();
    this.#threads.push(thread);
    return thread;
  }
}

/** The digests of the data of one image, to be ended by `finish` or `abandon`. */
export class Digesting {
  readonly #algorithm: string;
  readonly #connect: () => Line;
  #line: Line | undefined;
  #waiting: Uint8Array[] = [];
  #bytes = 0;

  constructor(algorithm: string, connect: () => Line) {
    this.#algorithm = algorithm;
    this.#connect = connect;
  }

  /** Takes the next of the data, which must not change any more. Waits while the thread is behind. */
  async add(piece: Uint8Array): Promise<void> {
    this.#waiting.push(piece);
    this.#bytes += piece.length;
    if (this.#bytes >= BATCH_BYTES) await this.#send();
  }

  /** After the last of the data. */
  async finish(): Promise<Digests> {
    // A thread would be told more than it has to do.
    if (!this.#line) return this.#digestHere();
    await this.#send();
    const digests = await this.#line.end();
    this.abandon();
    return digests;
  }

  /** Nobody wants them any more. */
  abandon(): void {
    this.#line?.close();
  }

  async #send(): Promise<void> {
    this.#line ??= this.#connect();
    const [pieces, length] = [this.#waiting, this.#bytes];
    [this.#waiting, this.#bytes] = [[], 0];
    const buffer = await this.#line.buffer(length);
    const bytes = new Uint8Array(buffer);
    let at = 0;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    this.#line.send(buffer, length);
  }

  #digestHere(): Digests {
    const md5 = createHash('md5');
    const hash = createHash(this.#algorithm);
    for (const piece of this.#waiting) {
      md5.update(piece);
      hash.update(piece);
    }
    return { checksum: md5.digest('hex'), hashValue: hash.digest('hex') };
  }
}

/** What is said with a thread about the data of one image. */
class Line {
  readonly #port: MessagePort;
  readonly #answers: AsyncIterator<unknown[]>;
  readonly #onClose: () => void;
  #onTheirWay = 0;
  #isClosed = false;

  constructor(port: MessagePort, onClose: () => void) {
    this.#port = port;
    this.#answers = on(port, 'message', { close: ['close'] });
    this.#onClose = onClose;
  }

  /** One that nobody uses, of at least so many bytes. Waits when too many are on their way. */
  async buffer(length: number): Promise<ArrayBuffer> {
    const returned = this.#onTheirWay < BATCHES ? undefined : await this.#returned();
    return returned && returned.byteLength >= length
      ? returned
      : new ArrayBuffer(Math.max(length, BATCH_BYTES + BATCH_BYTES / BATCHES));
  }

  send(buffer: ArrayBuffer, length: number): void {
    this.#onTheirWay += 1;
    this.#port.postMessage({ buffer, length } satisfies DigestMessage, [buffer]);
  }

  async end(): Promise<Digests> {
    this.#port.postMessage('end' satisfies DigestMessage);
    while (this.#onTheirWay > 0) await this.#returned();
    return (await this.#answer()) as Digests;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#port.close();
    this.#onClose();
  }

  async #returned(): Promise<ArrayBuffer> {
    const buffer = (await this.#answer()) as ArrayBuffer;
    this.#onTheirWay -= 1;
    return buffer;
  }

  async #answer(): Promise<unknown> {
    const answer = await this.#answers.next();
    if (answer.done) throw new Error('The thread that digests data has ended.');
    return answer.value[0];
  }
}
