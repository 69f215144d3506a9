import { createHash } from 'node:crypto';

/**
 * What is uploaded: one block again and again, because a client that makes bytes anew would measure itself. Its length
 * is a prime, so that no piece that is lost, doubled or moved leaves the rest where it was.
 */
export const BLOCK = makeBlock(1_048_573);

function makeBlock(length: number): Buffer {
  const pieces = Array.from({ length: Math.ceil(length / 64) }, (_, index) =>
    createHash('sha512').update(`hallmark-bench-${index}`).digest(),
  );
  return Buffer.concat(pieces).subarray(0, length);
}

/** The pattern from `offset` on, at most `most` bytes of it and no more than the rest of a block. */
export function patternAt(offset: number, most: number): Buffer {
  const start = offset % BLOCK.length;
  return BLOCK.subarray(start, Math.min(BLOCK.length, start + most));
}

/** Whether a piece of what came is the pattern at its place. */
export function isPattern(piece: Buffer, offset: number): boolean {
  for (let done = 0; done < piece.length;) {
    const wanted = patternAt(offset + done, piece.length - done);
    if (!piece.subarray(done, done + wanted.length).equals(wanted)) return false;
    done += wanted.length;
  }
  return true;
}

export interface Digests {
  readonly md5: string;
  readonly sha512: string;
}

/** Of the first `bytes` bytes of the pattern. */
export function digestsOfPattern(bytes: number): Digests {
  const md5 = createHash('md5');
  const sha512 = createHash('sha512');
  for (let done = 0; done < bytes;) {
    const piece = patternAt(done, bytes - done);
    md5.update(piece);
    sha512.update(piece);
    done += piece.length;
  }
  return { md5: md5.digest('hex'), sha512: sha512.digest('hex') };
}
