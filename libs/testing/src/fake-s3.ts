import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How the service goes wrong. */
export type FakeS3Fault =
  /** Answers 500 `InternalError`. */
  | 'error'
  /** Answers 503 `SlowDown`. */
  | 'slow-down'
  /** Answers 507, as a service whose disks are full. */
  | 'full'
  /** Breaks the connection in the middle of an object that is fetched. */
  | 'truncate'
  /** Breaks the connection instead of answering. */
  | 'reset'
  /** Takes the request and never answers. */
  | 'hang'
  /** Takes the request, and answers it when the service is healed. */
  | 'stall';

export interface FakeS3Request {
  /** Such as `PUT part`, `GET object`. */
  readonly call: string;
  readonly key: string;
}

interface Upload {
  readonly key: string;
  readonly parts: Map<number, Buffer>;
}

/**
 * An S3 service in memory that fails on demand, for what a real one (`SwiftServer`) cannot be made to do. Answers the
 * calls that a store makes whose bucket is there.
 */
export class FakeS3 implements AsyncDisposable {
  static readonly accessKey = 'AKHALLMARKTEST';
  static readonly secretKey = 'not-a-secret';
  readonly requests: FakeS3Request[] = [];
  readonly objects = new Map<string, Buffer>();
  readonly #uploads = new Map<string, Upload>();
  readonly #server: Server;
  readonly #faults: { readonly call: RegExp; readonly fault: FakeS3Fault; times: number }[] = [];
  #healed = Promise.withResolvers<undefined>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      void this.#serve(request, response).catch(() => response.destroy());
    });
  }

  static async start(): Promise<FakeS3> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new FakeS3(server);
  }

  /** As `s3_store_host` takes it. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Uploads in parts that were begun and neither completed nor aborted. */
  get openUploads(): number {
    return this.#uploads.size;
  }

  /** The next `times` calls of this kind go wrong. */
  fail(call: RegExp, fault: FakeS3Fault, times = Infinity): void {
    this.#faults.push({ call, fault, times });
  }

  /** Nothing goes wrong any more. */
  heal(): void {
    this.#faults.length = 0;
    this.#healed.resolve(undefined);
    this.#healed = Promise.withResolvers();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://s3');
    const [, , ...rest] = url.pathname.split('/');
    const key = decodeURIComponent(rest.join('/'));
    const { method = '', headers } = request;
    const call = callOf(method, url.searchParams);
    const body = await bodyOf(request);
    this.requests.push({ call, key });
    const fault = this.#faultFor(call);
    if (fault === 'hang') return;
    if (fault === 'stall') await this.#healed.promise;
    if (fault === 'reset') {
      response.destroy();
      return;
    }
    const asked = { key, body, query: url.searchParams, range: headers.range };
    const answer = refusal(headers.authorization, fault) ?? this.#answer(call, asked);
    response.writeHead(answer.status, { 'x-amz-request-id': randomUUID(), ...answer.headers });
    if (fault !== 'truncate') response.end(answer.body);
    else response.write(answer.body.subarray(0, answer.body.length / 2), () => response.destroy());
  }

  #answer(call: string, asked: Asked): Answer {
    const { key, body, query, range } = asked;
    switch (call) {
      case 'PUT object':
        this.objects.set(key, body);
        return empty(200, { etag: etagOf(body) });
      case 'GET object':
        return object(this.objects.get(key), range);
      case 'DELETE object':
        this.objects.delete(key);
        return empty(204);
      case 'POST uploads': {
        const id = randomUUID();
        this.#uploads.set(id, { key, parts: new Map() });
        return xml('InitiateMultipartUploadResult', `<Key>${key}</Key><UploadId>${id}</UploadId>`);
      }
      case 'GET uploads': {
        const prefix = query.get('prefix') ?? '';
        const found = [...this.#uploads].filter(([, begun]) => begun.key.startsWith(prefix));
        const list = found.map(
          ([id, begun]) => `<Upload><Key>${begun.key}</Key><UploadId>${id}</UploadId></Upload>`,
        );
        return xml('ListMultipartUploadsResult', list.join(''));
      }
      default:
        return this.#answerUpload(call, asked);
    }
  }

  #answerUpload(call: string, { key, body, query }: Asked): Answer {
    const id = query.get('uploadId') ?? '';
    const upload = this.#uploads.get(id);
    if (!upload) return refused(404, 'NoSuchUpload');
    switch (call) {
      case 'PUT part':
        upload.parts.set(Number(query.get('partNumber')), body);
        return empty(200, { etag: etagOf(body) });
      case 'DELETE upload':
        this.#uploads.delete(id);
        return empty(204);
      case 'POST upload': {
        const numbers = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber>/g)];
        const parts = numbers.map(([, number]) => upload.parts.get(Number(number)) ?? Buffer.alloc(0));
        this.objects.set(key, Buffer.concat(parts));
        this.#uploads.delete(id);
        return xml('CompleteMultipartUploadResult', `<Key>${key}</Key>`);
      }
      default:
        return refused(501, 'NotImplemented');
    }
  }

  #faultFor(call: string): FakeS3Fault | undefined {
    const found = this.#faults.find((candidate) => candidate.times > 0 && candidate.call.test(call));
    if (found) found.times -= 1;
    return found?.fault;
  }
}

interface Asked {
  readonly key: string;
  readonly body: Buffer;
  readonly query: URLSearchParams;
  readonly range: string | undefined;
}

function refusal(authorization: string | undefined, fault: FakeS3Fault | undefined): Answer | undefined {
  if (authorization?.includes(`Credential=${FakeS3.accessKey}/`) !== true)
    return refused(403, 'AccessDenied');
  if (fault === 'error') return refused(500, 'InternalError');
  if (fault === 'slow-down') return refused(503, 'SlowDown');
  return fault === 'full' ? refused(507, 'InsufficientCapacity') : undefined;
}

function callOf(method: string, query: URLSearchParams): string {
  if (query.has('uploads')) return `${method} uploads`;
  if (query.has('partNumber')) return `${method} part`;
  if (query.has('uploadId')) return `${method} upload`;
  return `${method} object`;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const etagOf = (body: Buffer): string => `"${createHash('md5').update(body).digest('hex')}"`;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const empty = (status: number, headers: Answer['headers'] = {}): Answer => ({
  status,
  headers,
  body: Buffer.alloc(0),
});

function object(stored: Buffer | undefined, range: string | undefined): Answer {
  if (!stored) return refused(404, 'NoSuchKey');
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
  if (first !== undefined && Number(first) >= stored.length) return refused(416, 'InvalidRange');
  const body = first === undefined ? stored : stored.subarray(Number(first), Number(last) + 1);
  const headers = { 'content-length': String(body.length), etag: etagOf(stored) };
  return { status: first === undefined ? 200 : 206, headers, body };
}

function xml(root: string, content: string): Answer {
  const namespace = 'http://s3.amazonaws.com/doc/2006-03-01/';
  return document(200, `<${root} xmlns="${namespace}">${content}</${root}>`);
}

const refused = (status: number, code: string): Answer =>
  document(status, `<Error><Code>${code}</Code><Message>${code}</Message></Error>`);

const document = (status: number, content: string): Answer => ({
  status,
  headers: { 'content-type': 'application/xml' },
  body: Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>${content}`),
});
