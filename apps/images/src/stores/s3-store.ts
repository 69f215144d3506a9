import {
  AbortMultipartUploadCommand,
  BucketAlreadyOwnedByYou,
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { ImageStoreOptions } from '@hallmark/runtime';
import { openS3, s3Failure } from './s3-client.ts';
import { MultipartUpload, partBytesOf, type Target } from './s3-multipart.ts';
import {
  primed,
  storeUnavailable,
  type Bytes,
  type OpenBytes,
  type Span,
  type Store,
  type WriteOptions,
} from './store.ts';

const MIB = 1024 * 1024;

/** Data in a bucket of an S3 service. */
export class S3Store implements Store, Disposable {
  readonly id: string;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #partBytes: number;
  readonly #concurrency: number;
  readonly #createsBucket: boolean;
  #bucketIsThere: Promise<void> | undefined;

  constructor(id: string, options: ImageStoreOptions) {
    this.id = id;
    this.#client = openS3(options);
    this.#bucket = options.s3_store_bucket ?? '';
    this.#partBytes = options.s3_store_large_object_chunk_size * MIB;
    this.#concurrency = options.s3_store_thread_pools;
    this.#createsBucket = options.s3_store_create_bucket_on_put;
  }

  urlOf(name: string): string {
    return `s3://${this.#bucket}/${name}`;
  }

  async write(url: string, data: Bytes, { size, signal }: WriteOptions): Promise<void> {
    const target = this.#targetOf(url);
    const upload = new MultipartUpload(this.#client, target, this.#concurrency, signal);
    try {
      await this.#ensureBucket();
      let part = new Part(partBytesOf(1, this.#partBytes, size));
      for await (const piece of data) {
        for (let rest = piece; rest.length > 0;) {
          // Only when more comes is it known that one request is not enough.
          if (part.isFull) {
            await upload.send(part.bytes);
            part = new Part(partBytesOf(upload.nextNumber, this.#partBytes, size));
          }
          rest = part.take(rest);
        }
      }
      if (upload.nextNumber === 1) {
        const body = part.bytes;
        await this.#client.send(new PutObjectCommand({ ...target, Body: body, ContentLength: body.length }), {
          abortSignal: signal,
        });
        return;
      }
      await upload.send(part.bytes);
      await upload.complete();
    } catch (thrown) {
      await upload.abort();
      signal.throwIfAborted();
      throw s3Failure(this.id, thrown);
    }
  }

  async read(url: string, { offset, length }: Span, signal: AbortSignal): Promise<OpenBytes> {
    const target = this.#targetOf(url);
    // A range of no bytes cannot be asked for.
    if (length === 0) return await primed((async function* (): AsyncGenerator<Uint8Array, void> {})());
    try {
      const { Body: body } = await this.#client.send(
        new GetObjectCommand({ ...target, Range: `bytes=${offset}-${offset + length - 1}` }),
        { abortSignal: signal },
      );
      if (!body) throw new Error('The S3 service gave no data.');
      return await primed(this.#exactly(body as Bytes, length));
    } catch (thrown) {
      signal.throwIfAborted();
      throw s3Failure(this.id, thrown);
    }
  }

  async remove(url: string): Promise<void> {
    const target = this.#targetOf(url);
    try {
      await this.#abortUploads(target);
      await this.#client.send(new DeleteObjectCommand(target));
    } catch (thrown) {
      throw s3Failure(this.id, thrown);
    }
  }

  [Symbol.dispose](): void {
    this.#client.destroy();
  }

  /** Parts of an upload whose process has died cost room until somebody aborts it. */
  async #abortUploads(target: Target): Promise<void> {
    const { Uploads: uploads = [] } = await this.#client.send(
      new ListMultipartUploadsCommand({ Bucket: target.Bucket, Prefix: target.Key }),
    );
    for (const { Key, UploadId } of uploads) {
      if (Key === target.Key)
        await this.#client.send(new AbortMultipartUploadCommand({ ...target, UploadId }));
    }
  }

  /** Once in the life of a process, and again after it has failed. */
  async #ensureBucket(): Promise<void> {
    if (!this.#createsBucket) return;
    this.#bucketIsThere ??= this.#createBucket().catch((thrown: unknown) => {
      this.#bucketIsThere = undefined;
      throw thrown;
    });
    await this.#bucketIsThere;
  }

  async #createBucket(): Promise<void> {
    const { exists } = await this.#client.send(new HeadBucketCommand({ Bucket: this.#bucket })).then(
      () => ({ exists: true }),
      () => ({ exists: false }),
    );
    if (exists) return;
    await this.#client.send(new CreateBucketCommand({ Bucket: this.#bucket })).catch((thrown: unknown) => {
      // Another process was faster.
      if (!(thrown instanceof BucketAlreadyOwnedByYou)) throw thrown;
    });
  }

  async *#exactly(body: Bytes, length: number): AsyncGenerator<Uint8Array, void> {
    let bytes = 0;
    try {
      for await (const piece of body) {
        bytes += piece.length;
        yield piece;
      }
    } catch (thrown) {
      throw s3Failure(this.id, thrown);
    }
    if (bytes !== length) throw storeUnavailable(this.id, 'gave less or more than was asked for');
  }

  #targetOf(url: string): Target {
    const prefix = `s3://${this.#bucket}/`;
    if (!url.startsWith(prefix)) throw storeUnavailable(this.id, 'does not hold what its location says');
    return { Bucket: this.#bucket, Key: url.slice(prefix.length) };
  }
}

/** Pieces of any size on their way to one of a certain size, copied once. */
class Part {
  #buffer: Buffer;
  #length = 0;
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#buffer = Buffer.allocUnsafeSlow(Math.min(capacity, MIB));
  }

  get isFull(): boolean {
    return this.#length === this.#capacity;
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Takes what fits and gives the rest back. */
  take(piece: Uint8Array): Uint8Array {
    const count = Math.min(piece.length, this.#capacity - this.#length);
    this.#makeRoom(this.#length + count);
    this.#buffer.set(piece.subarray(0, count), this.#length);
    this.#length += count;
    return piece.subarray(count);
  }

  /** Small images do not need a whole part of memory. */
  #makeRoom(needed: number): void {
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(
      Math.min(this.#capacity, Math.max(needed, this.#buffer.length * 4)),
    );
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}
