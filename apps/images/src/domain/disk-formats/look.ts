/** Bytes of the data that a format has to see. */
export interface Wanted {
  readonly offset: number;
  readonly length: number;
}

/** What data says of itself, once it is known to be of a format. */
export interface Recognised {
  /** Bytes that a guest sees as its disk, of data of so many bytes. Undefined: it does not say. */
  readonly virtualSize: (size: number) => number | undefined;
  /** Why nobody should open it, as the end of a sentence. Undefined: nothing speaks against it. */
  readonly unsafe?: string | undefined;
  /** The same, of its last bytes, for a format that repeats itself there. */
  readonly unsafeEnd?: (end: Uint8Array) => string | undefined;
}

/**
 * Looks whether data is of a format. It asks for bytes, always behind those that it had before, because
 * data flows by once, and gets them. Undefined: it is something else.
 */
export type Look = Generator<Wanted, Recognised | undefined, Uint8Array>;

/** How much of the end of data is kept for `unsafeEnd`. */
export const END_BYTES = 1_536;

/** One look at data that flows by. It keeps the bytes that the format asks for now, and no others. */
export class Candidate {
  readonly #look: Look;
  #wanted: Wanted | undefined;
  #seen = Buffer.alloc(0);
  #filled = 0;
  #found: Recognised | undefined;

  constructor(look: Look) {
    this.#look = look;
    this.#want(look.next());
  }

  /** Whether it has seen enough. */
  get isDone(): boolean {
    return this.#wanted === undefined;
  }

  /** What it has recognised, when it has seen enough. */
  get found(): Recognised | undefined {
    return this.#found;
  }

  /** `position` is that of the first byte of `piece`. */
  feed(piece: Uint8Array, position: number): void {
    while (this.#wanted) {
      const from = this.#wanted.offset + this.#filled - position;
      if (from < 0) {
        this.#wanted = undefined; // what it asks for has gone by, which no sound image does
        return;
      }
      if (from >= piece.length) return;
      const part = piece.subarray(from, from + this.#wanted.length - this.#filled);
      this.#seen.set(part, this.#filled);
      this.#filled += part.length;
      if (this.#filled < this.#wanted.length) return;
      this.#want(this.#look.next(this.#seen));
    }
  }

  #want(step: IteratorResult<Wanted, Recognised | undefined>): void {
    this.#filled = 0;
    if (step.done === true) {
      this.#wanted = undefined;
      this.#found = step.value;
    } else {
      this.#wanted = step.value;
      this.#seen = Buffer.alloc(step.value.length);
    }
  }
}

/** The bytes as numbers, whatever buffer they are part of. */
export const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** A 64-bit number as a size; undefined for none that an image could have. */
export const sizeOf = (value: bigint): number | undefined =>
  value > 0n && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined;

export const startsWith = (bytes: Uint8Array, magic: string): boolean =>
  Buffer.from(bytes.subarray(0, magic.length)).toString('latin1') === magic;
