/** One file on a drive. */
export interface DriveFile {
  /** Path from the root, such as `openstack/latest/meta_data.json`. */
  readonly path: string;
  readonly contents: Uint8Array;
}

/** What a drive is made of. The same contents give the same bytes, whoever writes them and whenever. */
export interface DriveContents {
  readonly files: readonly DriveFile[];
  /** Every time stamp on the drive. */
  readonly createdAt: Date;
}

/** A file system's bytes, made while they are read. */
export interface DriveImage {
  /** Bytes in all. */
  readonly size: number;
  /** The bytes from the start, in chunks of any length; those of files are not copied. */
  chunks(): Iterable<Uint8Array>;
}

/** The label by which cloud-init finds the drive. */
export const VOLUME_LABEL = 'config-2';

const ZEROS = Buffer.alloc(256 * 1024);

/** So many zero bytes, without as much memory. */
export function* zeros(length: number): Generator<Uint8Array> {
  for (let left = length; left > 0; left -= ZEROS.length)
    yield ZEROS.subarray(0, Math.min(left, ZEROS.length));
}

/** The number of units of `unit` bytes that hold `bytes`. */
export const unitsFor = (bytes: number, unit: number): number => Math.ceil(bytes / unit);
