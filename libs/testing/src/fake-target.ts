import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { readFile } from 'node:fs/promises';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { deflateSync, gzipSync } from 'node:zlib';
import type { CertificateFiles } from './certificates.ts';
import { resetSocket } from './reset-socket.ts';

/** How a target goes wrong on the wire, below what a status can say. */
export type FakeTargetFault =
  /** Takes the request and never answers. */
  | 'hang'
  /** Sends status and headers, then nothing more. */
  | 'hang-in-body'
  /** Resets the connection instead of answering. */
  | 'reset'
  /** Resets the connection in the middle of the body. */
  | 'reset-in-body'
  /** Answers with bytes that are no HTTP. */
  | 'garbage'
  /** Answers with 10 MiB of JSON, length not told. */
  | 'huge'
  /** Closes the connection before as many bytes came as `Content-Length` says. */
  | 'too-short'
  /** Sends more bytes than `Content-Length` says. */
  | 'too-long'
  /** Sends one byte of the body every `dripMs`. */
  | 'slow-drip';

/** What a fake target does with a request. Nothing given: 200 with `{}`. */
export interface FakeTargetAnswer {
  status?: number;
  headers?: Readonly<Record<string, string>>;
  /** The body, written by `JSON.stringify`. */
  json?: unknown;
  /** The body as it is; wins over `json`. */
  body?: string | Buffer;
  cacheControl?: string;
  /** Sent, and compared with `If-None-Match`: a match is answered with 304 and no body. */
  etag?: string;
  encoding?: 'gzip' | 'deflate';
  redirectTo?: string;
  delayMs?: number;
  fault?: FakeTargetFault;
  dripMs?: number;
}

/** A request as it came in. */
export interface FakeTargetRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Names and values as they were on the wire, in order. */
  readonly rawHeaders: readonly (readonly [name: string, value: string])[];
  /** The exact bytes. */
  readonly body: Buffer;
}

export interface FakeTargetOptions {
  /** Serve HTTPS with these. */
  tls?: CertificateFiles;
  /** Refuse clients without a certificate of `tls.caFile`. */
  requireClientCertificate?: boolean;
  /** Listen here. Default: any free port, so that a target can be stopped and started again. */
  port?: number;
  /** Default: loopback; a container needs `0.0.0.0`. */
  host?: string;
}

const HUGE_BYTES = 10 * 1024 * 1024;
/** With these the connection ends early by the target's own doing. */
const CLOSED_BY_TARGET: ReadonlySet<FakeTargetFault | undefined> = new Set([
  'reset',
  'reset-in-body',
  'garbage',
  'too-short',
  'too-long',
] as const);

/** An operator's vendordata service that remembers what it was asked and does what it is told. */
export class FakeTarget implements AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Every request whose body arrived in full, in order. */
  readonly requests: FakeTargetRequest[] = [];
  /** Connections ever accepted. */
  connections = 0;
  /** Requests being answered now, and the most there ever were at once. */
  inFlight = 0;
  mostInFlight = 0;
  /** Requests whose client went away before it had its answer. */
  abandoned = 0;
  readonly #server: ReturnType<typeof createHttpServer>;
  readonly #next: FakeTargetAnswer[] = [];
  #lasting: FakeTargetAnswer;

  private constructor(server: ReturnType<typeof createHttpServer>, url: string, lasting: FakeTargetAnswer) {
    this.#server = server;
    this.url = url;
    this.port = (server.address() as AddressInfo).port;
    this.#lasting = lasting;
  }

  static async start(answer: FakeTargetAnswer, options: FakeTargetOptions): Promise<FakeTarget> {
    const { tls } = options;
    const server = tls
      ? createHttpsServer({
          cert: await readFile(tls.certFile),
          key: await readFile(tls.keyFile),
          ca: await readFile(tls.caFile),
          requestCert: options.requireClientCertificate === true,
        })
      : createHttpServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve);
    });
    const { port } = server.address() as AddressInfo;
    const target = new FakeTarget(server, `${tls ? 'https' : 'http'}://127.0.0.1:${port}/`, answer);
    server.on('connection', () => {
      target.connections += 1;
    });
    server.on('request', (request, response) => {
      void target.#serve(request, response);
    });
    return target;
  }

  /** From now on. */
  answer(answer: FakeTargetAnswer): void {
    this.#lasting = answer;
  }

  /** Once; several calls queue up. */
  answerNext(...answers: readonly FakeTargetAnswer[]): void {
    this.#next.push(...answers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    } catch {
      return; // The client left while it was still sending.
    }
    this.requests.push(readRequest(request, Buffer.concat(chunks)));
    const answer = this.#next.shift() ?? this.#lasting;
    this.inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    response.once('close', () => {
      this.inFlight -= 1;
      if (!response.writableFinished && !CLOSED_BY_TARGET.has(answer.fault)) this.abandoned += 1;
    });
    if (answer.delayMs !== undefined) await wait(answer.delayMs);
    if (request.socket.destroyed) return;
    if (answer.fault === undefined) answerWell(request, response, answer);
    else await answerBadly(request.socket, response, answer, answer.fault);
  }
}

/** Starts a target that gives this answer until it is told otherwise. */
export async function startFakeTarget(
  answer: FakeTargetAnswer = {},
  options: FakeTargetOptions = {},
): Promise<FakeTarget> {
  return await FakeTarget.start(answer, options);
}

function readRequest(request: IncomingMessage, body: Buffer): FakeTargetRequest {
  const rawHeaders: (readonly [string, string])[] = [];
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    rawHeaders.push([request.rawHeaders[at] ?? '', request.rawHeaders[at + 1] ?? '']);
  }
  return {
    method: request.method ?? '',
    path: request.url ?? '',
    headers: Object.fromEntries(rawHeaders.map(([name, value]) => [name.toLowerCase(), value])),
    rawHeaders,
    body,
  };
}

function bodyOf(answer: FakeTargetAnswer): Buffer {
  const plain = Buffer.from(answer.body ?? JSON.stringify(answer.json ?? {}));
  if (answer.encoding === 'gzip') return gzipSync(plain);
  return answer.encoding === 'deflate' ? deflateSync(plain) : plain;
}

function headersOf(answer: FakeTargetAnswer): Record<string, string> {
  return {
    'Content-Type': 'application/json',
    ...(answer.cacheControl === undefined ? {} : { 'Cache-Control': answer.cacheControl }),
    ...(answer.etag === undefined ? {} : { ETag: answer.etag }),
    ...(answer.encoding === undefined ? {} : { 'Content-Encoding': answer.encoding }),
    ...(answer.redirectTo === undefined ? {} : { Location: answer.redirectTo }),
    ...answer.headers,
  };
}

function answerWell(request: IncomingMessage, response: ServerResponse, answer: FakeTargetAnswer): void {
  const headers = headersOf(answer);
  if (answer.etag !== undefined && request.headers['if-none-match'] === answer.etag) {
    response.writeHead(304, headers).end();
    return;
  }
  const body = bodyOf(answer);
  const status = answer.status ?? (answer.redirectTo === undefined ? 200 : 302);
  response.writeHead(status, { ...headers, ...(status === 204 ? {} : { 'Content-Length': body.length }) });
  response.end(status === 204 ? undefined : body);
}

async function answerBadly(
  socket: Socket,
  response: ServerResponse,
  answer: FakeTargetAnswer,
  fault: FakeTargetFault,
): Promise<void> {
  const body = bodyOf(answer);
  const head = (length: number): void => {
    response.writeHead(answer.status ?? 200, { ...headersOf(answer), 'Content-Length': length });
  };
  switch (fault) {
    case 'hang':
      return;
    case 'hang-in-body':
      head(body.length + 1);
      response.write(body);
      return;
    case 'reset':
      resetSocket(socket);
      return;
    case 'reset-in-body':
      head(body.length + 1);
      response.write(body, () => resetSocket(socket));
      return;
    case 'garbage':
      socket.end('\u0000\u0001 this is no HTTP \r\n\r\n');
      return;
    case 'huge':
      response.writeHead(200, headersOf(answer));
      response.end(JSON.stringify('x'.repeat(HUGE_BYTES - 2)));
      return;
    case 'too-short':
      head(body.length + 10);
      response.write(body, () => socket.end());
      return;
    case 'too-long':
      // Past node:http, which would refuse to write it.
      socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length - 1}\r\n\r\n${body.toString()}`);
      return;
    case 'slow-drip':
      head(body.length);
      for (const byte of body) {
        await wait(answer.dripMs ?? 20);
        if (socket.destroyed) return;
        response.write(Buffer.of(byte));
      }
      response.end();
  }
}
