import { hash } from 'node:crypto';

/** Bytes that are given again and again, with what headers say of them. */
export class Content {
  readonly bytes: Buffer;
  /** `Content-Length`. */
  readonly length: string;
  #etag: string | undefined;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.length = String(bytes.length);
  }

  /**
   * A strong `ETag`: the SHA-256 of the bytes in hex, so that a reader to whom a proxy gives no headers
   * can make it of what it has read. Made when first asked for.
   */
  get etag(): string {
    this.#etag ??= `"${hash('sha256', this.bytes)}"`;
    return this.#etag;
  }
}
