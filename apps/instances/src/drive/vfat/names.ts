/** The short name of a file in one directory: eight characters and three, both filled up with spaces. */
export interface ShortName {
  /** The eleven bytes as the directory has them. */
  readonly bytes: Buffer;
  /** Whether it says all that the long one says, so that no long one is needed. */
  readonly exact: boolean;
}

const NAME_LENGTH = 8;
const EXTENSION_LENGTH = 3;

/**
 * Gives each name of a directory a short one that no other has: `meta_data.json` becomes `META_D~1.JSO`,
 * as Windows and Linux do it.
 */
export class ShortNames {
  readonly #taken = new Set<string>();

  give(name: string): ShortName {
    const dot = name.lastIndexOf('.');
    const [stem, extension] = dot < 0 ? [name, ''] : [name.slice(0, dot), name.slice(dot + 1)];
    const short = { stem: shortened(stem), extension: shortened(extension) };
    const whole = short.stem.length <= NAME_LENGTH && short.extension.length <= EXTENSION_LENGTH;
    const kept = stem.length === short.stem.length; // nothing was left out
    if (whole && kept) {
      const plain = packed(short.stem, short.extension);
      if (this.#take(plain)) {
        return { bytes: plain, exact: name === name.toUpperCase() };
      }
    }
    for (let number = 1; ; number++) {
      const tail = `~${number}`;
      const numbered = packed(`${short.stem.slice(0, NAME_LENGTH - tail.length)}${tail}`, short.extension);
      if (this.#take(numbered)) return { bytes: numbered, exact: false };
    }
  }

  #take(bytes: Buffer): boolean {
    const key = bytes.toString('latin1');
    if (this.#taken.has(key)) return false;
    this.#taken.add(key);
    return true;
  }
}

/** Of the characters in our names a short one can hold all, but dots only before the extension. */
const shortened = (part: string): string => part.replaceAll('.', '').toUpperCase();

function packed(stem: string, extension: string): Buffer {
  const text =
    stem.slice(0, NAME_LENGTH).padEnd(NAME_LENGTH) +
    extension.slice(0, EXTENSION_LENGTH).padEnd(EXTENSION_LENGTH);
  return Buffer.from(text, 'latin1');
}

/** Ties the entries of a long name to the short one that they belong to. */
export function checksum(shortName: Uint8Array): number {
  let sum = 0;
  for (const byte of shortName) sum = (((sum & 1) << 7) + (sum >> 1) + byte) & 0xff;
  return sum;
}
