/** A file on a drive. */
export interface ListedFile {
  readonly path: string;
  readonly size: number;
}

// ECMA-119: sectors, the volume descriptors from sector 16 on, and where they tell the root directory.
const SECTOR = 2_048;
const FIRST_DESCRIPTOR = 16;
const JOLIET = 2;
const TERMINATOR = 255;
const ROOT_RECORD = 156;
const IS_DIRECTORY = 0x02;

/**
 * The files of a config drive in ISO 9660 by its Joliet directories, read from its bytes as a guest's kernel
 * reads them: nobody's word is taken for what is on it.
 */
export function listDrive(image: Buffer): ListedFile[] {
  for (let at = FIRST_DESCRIPTOR * SECTOR; image.readUInt8(at) !== TERMINATOR; at += SECTOR) {
    if (image.readUInt8(at) === JOLIET) return filesIn(image, image.subarray(at + ROOT_RECORD), '');
  }
  throw new Error('The drive has no Joliet directories.');
}

/** The files below the directory that `record` tells of. */
function filesIn(image: Buffer, record: Buffer, path: string): ListedFile[] {
  const { start, size } = extentOf(record);
  const directory = image.subarray(start, start + size);
  const files: ListedFile[] = [];
  for (let at = 0; at < directory.length;) {
    const length = directory.readUInt8(at);
    if (length === 0) {
      // A record does not cross into the next sector.
      at = (Math.floor(at / SECTOR) + 1) * SECTOR;
      continue;
    }
    const child = directory.subarray(at, at + length);
    at += length;
    const name = nameOf(child);
    if (name === undefined) continue;
    if ((child.readUInt8(25) & IS_DIRECTORY) === 0)
      files.push({ path: path + name, size: extentOf(child).size });
    else files.push(...filesIn(image, child, `${path}${name}/`));
  }
  return files;
}

function extentOf(record: Buffer): { start: number; size: number } {
  return { start: record.readUInt32LE(2) * SECTOR, size: record.readUInt32LE(10) };
}

/** Undefined for the directory itself and the one above, whose names are one byte. */
function nameOf(record: Buffer): string | undefined {
  const length = record.readUInt8(32);
  if (length === 1) return undefined;
  const name = Buffer.from(record.subarray(33, 33 + length)).swap16();
  return name.toString('utf16le').replace(/;1$/, '');
}
