import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
  type CompletedPart,
  type S3Client,
} from '@aws-sdk/client-s3';

/** S3 takes no more parts than this for one object. */
const MOST_PARTS = 10_000;
/** Of one upload, whatever is configured: memory is bounded by it. */
const MOST_BYTES_IN_FLIGHT = 48 * 1024 * 1024;
/** After so many parts of one size they get twice as large: an object of unknown size then still fits. */
const PARTS_OF_A_SIZE = 2_000;

export interface Target {
  readonly Bucket: string;
  readonly Key: string;
}

export interface PartPlan {
  readonly partBytes: number;
  /** Parts on their way at a time. */
  readonly concurrency: number;
}

/** How many bytes part `number` (from 1) has. */
export function partBytesOf(number: number, configured: number, size: number | undefined): number {
  const atLeast = size === undefined ? 0 : Math.ceil(size / MOST_PARTS);
  const grown = configured * 2 ** Math.floor((number - 1) / PARTS_OF_A_SIZE);
  return Math.max(size === undefined ? grown : configured, atLeast);
}

/**
 * An object sent in parts, a few of them at a time. Each is kept until it has arrived, so that the SDK
 * can send it again. Aborted as a whole when anything goes wrong.
 */
export class MultipartUpload {
  readonly #client: S3Client;
  readonly #target: Target;
  readonly #concurrency: number;
  readonly #signal: AbortSignal;
  readonly #broken = new AbortController();
  readonly #parts: CompletedPart[] = [];
  readonly #sending = new Set<Promise<void>>();
  #failure: { readonly thrown: unknown } | undefined;
  #uploadId: string | undefined;
  #number = 0;
  #bytesInFlight = 0;

  constructor(client: S3Client, target: Target, concurrency: number, signal: AbortSignal) {
    this.#client = client;
    this.#target = target;
    this.#concurrency = concurrency;
    this.#signal = AbortSignal.any([signal, this.#broken.signal]);
  }

  get nextNumber(): number {
    return this.#number + 1;
  }

  /** Returns as soon as another part may be read. */
  async send(body: Buffer): Promise<void> {
    this.#uploadId ??= await this.#begin();
    this.#number += 1;
    this.#bytesInFlight += body.length;
    const sending = this.#sendPart(this.#number, body, this.#uploadId)
      .catch((thrown: unknown) => {
        this.#failure ??= { thrown };
        this.#broken.abort();
      })
      .finally(() => {
        this.#bytesInFlight -= body.length;
        this.#sending.delete(sending);
      });
    this.#sending.add(sending);
    while (
      this.#sending.size >= this.#concurrency ||
      this.#bytesInFlight + body.length > MOST_BYTES_IN_FLIGHT
    ) {
      if (this.#sending.size === 0) break;
      await Promise.race(this.#sending);
    }
    this.#throwFailure();
  }

  async complete(): Promise<void> {
    await Promise.all(this.#sending);
    this.#throwFailure();
    await this.#client.send(
      new CompleteMultipartUploadCommand({
        ...this.#target,
        UploadId: this.#uploadId,
        MultipartUpload: { Parts: this.#parts.toSorted((a, b) => (a.PartNumber ?? 0) - (b.PartNumber ?? 0)) },
      }),
      { abortSignal: this.#signal },
    );
  }

  /** Best effort: what is left is found by whoever cleans up. */
  async abort(): Promise<void> {
    this.#broken.abort();
    await Promise.all(this.#sending);
    if (this.#uploadId === undefined) return;
    await this.#client
      .send(new AbortMultipartUploadCommand({ ...this.#target, UploadId: this.#uploadId }))
      .catch(() => undefined);
  }

  async #begin(): Promise<string> {
    const { UploadId: id } = await this.#client.send(new CreateMultipartUploadCommand(this.#target), {
      abortSignal: this.#signal,
    });
    if (id === undefined) throw new Error('The S3 service began no upload.');
    return id;
  }

  async #sendPart(PartNumber: number, Body: Buffer, UploadId: string): Promise<void> {
    const { ETag } = await this.#client.send(
      new UploadPartCommand({ ...this.#target, UploadId, PartNumber, Body, ContentLength: Body.length }),
      { abortSignal: this.#signal },
    );
    this.#parts.push({ ETag, PartNumber });
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure.thrown;
  }
}
