import { createHash, type Hash } from 'node:crypto';
import { invalid } from '@hallmark/errors';
import type { Inspection } from '../domain/disk-formats/inspection.ts';
import type { ImageData } from '../domain/image.ts';
import { requireSizeCap, requireStorageQuota } from '../domain/quota.ts';
import type { Bytes } from '../stores/store.ts';

export interface MeterTerms {
  readonly hashAlgorithm: string;
  readonly sizeCap: number;
  /** Room in the project's quota; undefined: there is no quota. */
  readonly room: { readonly used: number; readonly maximum: number } | undefined;
  /** Bytes that must come; undefined: however many. */
  readonly expected: number | undefined;
  /** Looks at the bytes. Undefined: nobody does, as with data that is only staged. */
  readonly inspection: Inspection | undefined;
  /** Told of each piece. */
  readonly onBytes?: (count: number) => void;
}

/** Learns everything about data in the one pass in which it flows by, and stops it at a limit. */
export class Meter {
  readonly #terms: MeterTerms;
  readonly #md5: Hash = createHash('md5');
  readonly #hash: Hash;
  #size = 0;

  constructor(terms: MeterTerms) {
    this.#terms = terms;
    this.#hash = createHash(terms.hashAlgorithm);
  }

  get size(): number {
    return this.#size;
  }

  /** @throws HallmarkError `SIZE_CAP`, `STORAGE_QUOTA`, `SIZE_MISMATCH`, `CONTENT_MISMATCH`, `CONTENT_UNSAFE` */
  async *measure(data: Bytes): AsyncGenerator<Uint8Array, void> {
    const { sizeCap, room, expected, inspection, onBytes } = this.#terms;
    for await (const piece of data) {
      this.#size += piece.length;
      requireSizeCap(this.#size, sizeCap);
      if (room) requireStorageQuota(this.#size, room.used, room.maximum);
      if (expected !== undefined && this.#size > expected) throw sizeMismatch(expected, this.#size);
      inspection?.feed(piece);
      this.#md5.update(piece);
      this.#hash.update(piece);
      onBytes?.(piece.length);
      yield piece;
    }
    if (expected !== undefined && this.#size !== expected) throw sizeMismatch(expected, this.#size);
    inspection?.finish();
  }

  /** After the last byte, once. */
  result(): ImageData {
    return {
      size: this.#size,
      virtualSize: this.#terms.inspection?.virtualSize(this.#size) ?? null,
      checksum: this.#md5.digest('hex'),
      hashAlgo: this.#terms.hashAlgorithm,
      hashValue: this.#hash.digest('hex'),
    };
  }
}

const sizeMismatch = (expected: number, size: number): Error =>
  invalid(
    'SIZE_MISMATCH',
    `Size of the data differs from the declared one: ${expected} bytes were declared and ${
      size > expected ? 'more' : String(size)
    } came.`,
  );
