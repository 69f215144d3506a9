import type { Metadata } from '@grpc/grpc-js';

/** One method as ts-proto describes it. */
export interface MethodDefinition<Request, Response> {
  path: string;
  requestStream: boolean;
  responseStream: boolean;
  requestSerialize: (value: Request) => Buffer;
  requestDeserialize: (bytes: Buffer) => Request;
  responseSerialize: (value: Response) => Buffer;
  responseDeserialize: (bytes: Buffer) => Response;
}

/** A generated service, such as `VendordataServiceService`. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each method has types of its own; `never` would refuse them all
export type ServiceDefinition = Record<string, MethodDefinition<any, any>>;

/** What a handler knows of the call it serves. */
export interface Call {
  /** OpenStack request id, `req-<uuid>`, made up when the caller sent none. */
  readonly requestId: string;
  /** Aborted when the caller hangs up or the time is over. */
  readonly signal: AbortSignal;
  /** Milliseconds left for the work, what the way back needs already taken off. */
  remainingMs(): number;
  /** Fields of the one log line that this call writes when it ends. */
  readonly event: Record<string, unknown>;
  /** What the caller sent along. */
  readonly metadata: Metadata;
}

type RequestOf<M> = M extends { requestSerialize: (value: infer Request) => Buffer } ? Request : never;
type ResponseOf<M> = M extends { responseDeserialize: (bytes: Buffer) => infer Response } ? Response : never;

/** The implementation of a service: promises for unary methods, async iterables for server streams. */
export type Handlers<D> = {
  [K in keyof D]: D[K] extends { responseStream: true }
    ? (request: RequestOf<D[K]>, call: Call) => AsyncIterable<ResponseOf<D[K]>>
    : (request: RequestOf<D[K]>, call: Call) => Promise<ResponseOf<D[K]>>;
};

export interface CallOptions {
  /** OpenStack request id of the work that this call is part of. */
  requestId: string;
  /** Longest wait for the answer; the callee learns of it. */
  timeoutMs: number;
  /** Cancels the call, at the callee too. */
  signal?: AbortSignal | undefined;
  /** Sent along, such as a token for a vendordata provider. */
  metadata?: Readonly<Record<string, string>>;
  /** False: doing it twice is not the same, so it reaches at most one peer. Default: true. */
  repeatable?: boolean;
}

/** A stream has no deadline: it ends when `signal` says so, or breaks. */
export interface StreamOptions {
  requestId: string;
  signal: AbortSignal;
}

/** A client of a service. Every failure is thrown as an Error made by `fromServiceError`. */
export type RpcClient<D> = {
  [K in keyof D]: D[K] extends { responseStream: true }
    ? (request: RequestOf<D[K]>, options: StreamOptions) => AsyncIterable<ResponseOf<D[K]>>
    : (request: RequestOf<D[K]>, options: CallOptions) => Promise<ResponseOf<D[K]>>;
} & AsyncDisposable;
