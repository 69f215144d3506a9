import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import {
  Metadata,
  Server,
  ServerCredentials,
  status,
  type sendUnaryData,
  type ServerUnaryCall,
} from '@grpc/grpc-js';
import { vendordata } from '@hallmark/contracts';
import type { CertificateFiles } from './certificates.ts';

/** What a fake provider does with a call. Nothing given: `{}` that may not be reused. */
export interface FakeProviderAnswer {
  /** The JSON text. */
  json?: string | Buffer;
  cacheControl?: string;
  /** Fails with this status instead. */
  code?: status;
  /** Sent with the failure as metadata `retry-after`. */
  retryAfter?: string;
  delayMs?: number;
  /** Takes the call and never answers. */
  hang?: boolean;
}

/** A call as it came in. */
export interface FakeProviderCall {
  readonly request: vendordata.GetVendordataRequest;
  readonly metadata: Readonly<Record<string, string>>;
  /** Address and port of the client: calls that have it in common came over one connection. */
  readonly peer: string;
}

export interface FakeProviderOptions {
  /** Serve TLS with these. */
  tls?: CertificateFiles;
  /** Listen here. Default: any free port. */
  port?: number;
}

type Provider = ServerUnaryCall<vendordata.GetVendordataRequest, vendordata.GetVendordataResponse>;

/** An operator's vendordata service that speaks gRPC, on loopback; does what it is told. */
export class FakeProvider implements AsyncDisposable {
  /** `grpc://…` or `grpcs://…`. */
  readonly url: string;
  readonly port: number;
  readonly calls: FakeProviderCall[] = [];
  /** Calls that the client gave up. */
  abandoned = 0;
  readonly #server: Server;
  readonly #next: FakeProviderAnswer[] = [];
  #lasting: FakeProviderAnswer;

  private constructor(server: Server, scheme: string, port: number, lasting: FakeProviderAnswer) {
    this.#server = server;
    this.url = `${scheme}://127.0.0.1:${port}`;
    this.port = port;
    this.#lasting = lasting;
  }

  static async start(answer: FakeProviderAnswer, options: FakeProviderOptions): Promise<FakeProvider> {
    const server = new Server();
    let serve = (call: Provider, done: sendUnaryData<vendordata.GetVendordataResponse>): void => {
      done({ code: status.UNAVAILABLE, details: `${call.getPath()}: not started` });
    };
    server.addService(vendordata.VendordataProviderService, {
      getVendordata: (call: Provider, done: sendUnaryData<vendordata.GetVendordataResponse>) => {
        serve(call, done);
      },
    });
    const credentials = await credentialsFor(options.tls);
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${options.port ?? 0}`, credentials, (error, bound) => {
        if (error) reject(error);
        else resolve(bound);
      });
    });
    const provider = new FakeProvider(server, options.tls ? 'grpcs' : 'grpc', port, answer);
    serve = (call, done) => {
      void provider.#serve(call, done);
    };
    return provider;
  }

  /** From now on. */
  answer(answer: FakeProviderAnswer): void {
    this.#lasting = answer;
  }

  /** Once; several calls queue up. */
  answerNext(...answers: readonly FakeProviderAnswer[]): void {
    this.#next.push(...answers);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
    return Promise.resolve();
  }

  async #serve(call: Provider, done: sendUnaryData<vendordata.GetVendordataResponse>): Promise<void> {
    const metadata = Object.entries(call.metadata.getMap()).map(([key, value]) => [key, value.toString()]);
    this.calls.push({
      request: call.request,
      metadata: Object.fromEntries(metadata) as Record<string, string>,
      peer: call.getPeer(),
    });
    let isAnswered = false;
    // Also told of calls that were answered, once their stream is closed.
    call.on('cancelled', () => {
      if (!isAnswered) this.abandoned += 1;
    });
    const answer = this.#next.shift() ?? this.#lasting;
    if (answer.delayMs !== undefined) await wait(answer.delayMs);
    if (answer.hang === true) return;
    isAnswered = true;
    if (answer.code === undefined) {
      const json = Buffer.from(answer.json ?? '{}');
      done(null, { json, cacheControl: answer.cacheControl ?? '' });
      return;
    }
    const trailer = new Metadata();
    if (answer.retryAfter !== undefined) trailer.set('retry-after', answer.retryAfter);
    done({ code: answer.code, details: 'the provider was told to fail', metadata: trailer });
  }
}

/** Starts a provider that gives this answer until it is told otherwise. */
export async function startFakeProvider(
  answer: FakeProviderAnswer = {},
  options: FakeProviderOptions = {},
): Promise<FakeProvider> {
  return await FakeProvider.start(answer, options);
}

async function credentialsFor(tls: CertificateFiles | undefined): Promise<ServerCredentials> {
  if (!tls) return ServerCredentials.createInsecure();
  const [cert, key, ca] = await Promise.all([
    readFile(tls.certFile),
    readFile(tls.keyFile),
    readFile(tls.caFile),
  ]);
  return ServerCredentials.createSsl(ca, [{ cert_chain: cert, private_key: key }]);
}
