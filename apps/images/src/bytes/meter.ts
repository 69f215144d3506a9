import { invalid } from '@hallmark/errors';
import type { Inspection } from '../domain/disk-formats/inspection.ts';
import type { ImageData } from '../domain/image.ts';
import { requireSizeCap, requireStorageQuota } from '../domain/quota.ts';
import type { Bytes } from '../stores/store.ts';
import type { Digesting, Digests } from './digest-threads.ts';

export interface MeterTerms {
  readonly sizeCap: number;
  /** Room in the project's quota; undefined: there is no quota. */
  readonly room: { readonly used: number; readonly maximum: number } | undefined;
  /** Bytes that must come; undefined: however many. */
  readonly expected: number | undefined;
  /** Looks at the bytes. Undefined: nobody does. */
  readonly inspection: Inspection | undefined;
  /** Digests the bytes, by MD5 and by the algorithm named. Undefined: nobody asks for the digests. */
  readonly digests: { readonly algorithm: string; readonly digesting: Digesting } | undefined;
  /** Told of each piece. */
  readonly onBytes?: (count: number) => void;
}

/** Learns everything about data in the one pass in which it flows by, and stops it at a limit. */
export class Meter {
  readonly #terms: MeterTerms;
  #size = 0;
  #digests: Digests | undefined;

  constructor(terms: MeterTerms) {
    this.#terms = terms;
  }

  get size(): number {
    return this.#size;
  }

  /** @throws HallmarkError `SIZE_CAP`, `STORAGE_QUOTA`, `SIZE_MISMATCH`, `CONTENT_MISMATCH`, `CONTENT_UNSAFE` */
  async *measure(data: Bytes): AsyncGenerator<Uint8Array, void> {
    const { sizeCap, room, expected, inspection, digests, onBytes } = this.#terms;
    try {
      for await (const piece of data) {
        this.#size += piece.length;
        requireSizeCap(this.#size, sizeCap);
        if (room) requireStorageQuota(this.#size, room.used, room.maximum);
        if (expected !== undefined && this.#size > expected) throw sizeMismatch(expected, this.#size);
        inspection?.feed(piece);
        await digests?.digesting.add(piece);
        onBytes?.(piece.length);
        yield piece;
      }
      if (expected !== undefined && this.#size !== expected) throw sizeMismatch(expected, this.#size);
      inspection?.finish();
      this.#digests = await digests?.digesting.finish();
    } finally {
      digests?.digesting.abandon();
    }
  }

  /** After the last byte, of data that is digested. */
  result(): ImageData {
    const { digests, inspection } = this.#terms;
    if (!digests || !this.#digests) throw new Error('The data has not been digested.');
    return {
      size: this.#size,
      virtualSize: inspection?.virtualSize(this.#size) ?? null,
      checksum: this.#digests.checksum,
      hashAlgo: digests.algorithm,
      hashValue: this.#digests.hashValue,
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
