import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DriveContents, DriveImage } from './drive-image.ts';
import { iso9660 } from './iso9660/iso9660.ts';
import { vfat } from './vfat/vfat.ts';

export type DriveFormat = 'iso9660' | 'vfat';

/** What an image is told by. */
export interface DriveDigest {
  readonly size: number;
  /** SHA-256 in lower-case hex. */
  readonly sha256: string;
}

/**
 * Stands on the drive where Nova names itself and its version. Ours names no version: another version of
 * Hallmark must give the same bytes of a drive that is built already, as long as it is to be fetched.
 */
const PUBLISHER = 'Hallmark';

/** The drive in the format that `[DEFAULT] config_drive_format` names. */
export const driveImage = (format: DriveFormat, contents: DriveContents): DriveImage =>
  format === 'vfat' ? vfat(contents) : iso9660(contents, PUBLISHER);

/** Bytes to digest before others get their turn: about a millisecond's work. */
const DIGEST_TURN = 1024 * 1024;

/** Reads the whole image, letting other work go on in between. */
export async function digestOf(image: DriveImage): Promise<DriveDigest> {
  const hash = createHash('sha256');
  let sinceTurn = 0;
  for (const chunk of image.chunks()) {
    hash.update(chunk);
    sinceTurn += chunk.length;
    if (sinceTurn < DIGEST_TURN) continue;
    sinceTurn = 0;
    await nextTurn();
  }
  return { size: image.size, sha256: hash.digest('hex') };
}
