import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How the service goes wrong. */
export type FakeS3Fault =
  /** Answers 500 `InternalError`. */
  | 'error'
  /** Answers 503 `SlowDown`. */
  | 'slow-down'
  /** Answers 403 `AccessDenied`. */
  | 'denied'
  /** Answers 507, as a service whose disks are full. */
  | 'full'
  /** Breaks the connection in the middle of an object that is fetched. */
  | 'truncate'
  /** Breaks the connection instead of answering. */
  | 'reset'
  /** Takes the request and never answers. */
  | 'hang';

export interface FakeS3Request {
  readonly method: string;
  /** Such as `PUT part`, `GET object`. */
  readonly call: string;
  readonly key: string;
  readonly bytes: number;
}

interface Upload {
  readonly key: string;
  readonly parts: Map<number, Buffer>;
}

/** An S3 service in memory, with path-style buckets, that answers the calls that stores make and fails on demand. */
export class FakeS3 implements AsyncDisposable {
  static readonly accessKey = 'AKHALLMARKTEST';
  static readonly secretKey = 'not-a-secret';
  readonly requests: FakeS3Request[] = [];
  readonly objects = new Map<string, Buffer>();
  readonly buckets: Set<string>;
  readonly #uploads = new Map<string, Upload>();
  readonly #server: Server;
  readonly #faults: { readonly call: RegExp; readonly fault: FakeS3Fault; times: number }[] = [];

  private constructor(server: Server, buckets: readonly string[]) {
    this.#server = server;
    this.buckets = new Set(buckets);
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      void this.#serve(request, response).catch(() => response.destroy());
    });
  }

  static async start(...buckets: string[]): Promise<FakeS3> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new FakeS3(server, buckets);
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
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://s3');
    const [, bucket = '', ...rest] = url.pathname.split('/');
    const key = decodeURIComponent(rest.join('/'));
    const { method = '' } = request;
    const call = callOf(method, key, url.searchParams);
    const body = await bodyOf(request);
    this.requests.push({ method, call, key, bytes: body.length });
    const fault = this.#faultFor(call);
    if (fault === 'hang') return;
    if (fault === 'reset') {
      response.destroy();
      return;
    }
    if (!request.headers.authorization?.includes(`Credential=${FakeS3.accessKey}/`) || fault === 'denied')
      return refuse(response, 403, 'AccessDenied');
    if (fault === 'error') return refuse(response, 500, 'InternalError');
    if (fault === 'slow-down') return refuse(response, 503, 'SlowDown');
    if (fault === 'full') return refuse(response, 507, 'InsufficientCapacity');
    if (!this.buckets.has(bucket) && call !== 'PUT bucket') return refuse(response, 404, 'NoSuchBucket');
    this.#answer(
      call,
      { bucket, key, body, query: url.searchParams, range: request.headers.range },
      response,
      fault,
    );
  }

  #answer(
    call: string,
    { bucket, key, body, query, range }: Asked,
    response: ServerResponse,
    fault: FakeS3Fault | undefined,
  ): void {
    const uploadId = query.get('uploadId') ?? '';
    const upload = this.#uploads.get(uploadId);
    switch (call) {
      case 'PUT bucket':
        this.buckets.add(bucket);
        return send(response, 200, {});
      case 'HEAD bucket':
        return send(response, 200, {});
      case 'PUT object':
        this.objects.set(key, body);
        return send(response, 200, { etag: etagOf(body) });
      case 'GET object':
        return sendObject(response, this.objects.get(key), range, fault === 'truncate');
      case 'DELETE object':
        this.objects.delete(key);
        return send(response, 204, {});
      case 'POST uploads': {
        const id = randomUUID();
        this.#uploads.set(id, { key, parts: new Map() });
        return xml(response, 'InitiateMultipartUploadResult', `<Key>${key}</Key><UploadId>${id}</UploadId>`);
      }
      case 'GET uploads': {
        const prefix = query.get('prefix') ?? '';
        const found = [...this.#uploads].filter(([, begun]) => begun.key.startsWith(prefix));
        const list = found.map(
          ([id, begun]) => `<Upload><Key>${begun.key}</Key><UploadId>${id}</UploadId></Upload>`,
        );
        return xml(response, 'ListMultipartUploadsResult', list.join(''));
      }
    }
    if (!upload) return refuse(response, 404, 'NoSuchUpload');
    switch (call) {
      case 'PUT part':
        upload.parts.set(Number(query.get('partNumber')), body);
        return send(response, 200, { etag: etagOf(body) });
      case 'DELETE upload':
        this.#uploads.delete(uploadId);
        return send(response, 204, {});
      case 'POST upload': {
        const numbers = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber>/g)].map(([, n]) =>
          Number(n),
        );
        this.objects.set(
          key,
          Buffer.concat(numbers.map((number) => upload.parts.get(number) ?? Buffer.alloc(0))),
        );
        this.#uploads.delete(uploadId);
        return xml(response, 'CompleteMultipartUploadResult', `<Key>${key}</Key>`);
      }
    }
    refuse(response, 501, 'NotImplemented');
  }

  #faultFor(call: string): FakeS3Fault | undefined {
    const found = this.#faults.find((candidate) => candidate.times > 0 && candidate.call.test(call));
    if (found) found.times -= 1;
    return found?.fault;
  }
}

interface Asked {
  readonly bucket: string;
  readonly key: string;
  readonly body: Buffer;
  readonly query: URLSearchParams;
  readonly range: string | undefined;
}

function callOf(method: string, key: string, query: URLSearchParams): string {
  if (query.has('uploads')) return `${method} uploads`;
  if (query.has('partNumber')) return `${method} part`;
  if (query.has('uploadId')) return `${method} upload`;
  return key === '' ? `${method} bucket` : `${method} object`;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const etagOf = (body: Buffer): string => `"${createHash('md5').update(body).digest('hex')}"`;

function send(
  response: ServerResponse,
  status: number,
  headers: Record<string, string>,
  body?: Buffer,
): void {
  response.writeHead(status, { 'x-amz-request-id': randomUUID(), ...headers });
  response.end(body);
}

function sendObject(
  response: ServerResponse,
  object: Buffer | undefined,
  range: string | undefined,
  isTruncated: boolean,
): void {
  if (!object) return refuse(response, 404, 'NoSuchKey');
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
  const part = first === undefined ? object : object.subarray(Number(first), Number(last) + 1);
  if (first !== undefined && Number(first) >= object.length) return refuse(response, 416, 'InvalidRange');
  const headers = { 'content-length': String(part.length), etag: etagOf(object) };
  if (!isTruncated) return send(response, first === undefined ? 200 : 206, headers, part);
  response.writeHead(206, headers);
  response.write(part.subarray(0, Math.floor(part.length / 2)), () => response.destroy());
}

function xml(response: ServerResponse, root: string, content: string, status = 200): void {
  const namespace = 'http://s3.amazonaws.com/doc/2006-03-01/';
  const text = `<?xml version="1.0" encoding="UTF-8"?><${root} xmlns="${namespace}">${content}</${root}>`;
  send(response, status, { 'content-type': 'application/xml' }, Buffer.from(text));
}

function refuse(response: ServerResponse, status: number, code: string): void {
  const text = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`;
  send(response, status, { 'content-type': 'application/xml' }, Buffer.from(text));
}
