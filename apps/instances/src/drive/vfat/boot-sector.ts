import { VOLUME_LABEL } from '../drive-image.ts';
import {
  FAT_SECTORS,
  FATS,
  HEADS,
  MEDIA,
  RESERVED_SECTORS,
  ROOT_ENTRIES,
  SECTOR,
  SECTORS_PER_CLUSTER,
  SECTORS_PER_TRACK,
  TOTAL_SECTORS,
} from './geometry.ts';

/** A machine that boots from here by mistake stops: `cli; hlt; jmp` to itself. */
const HALT = [0xfa, 0xf4, 0xeb, 0xfd];

export function bootSector(createdAt: Date): Buffer {
  const bytes = Buffer.alloc(SECTOR);
  bytes.set([0xeb, 0x3c, 0x90], 0); // a jump over the fields below
  bytes.write('HALLMARK', 3, 'ascii');
  bytes.writeUInt16LE(SECTOR, 11);
  bytes.writeUInt8(SECTORS_PER_CLUSTER, 13);
  bytes.writeUInt16LE(RESERVED_SECTORS, 14);
  bytes.writeUInt8(FATS, 16);
  bytes.writeUInt16LE(ROOT_ENTRIES, 17);
  bytes.writeUInt8(MEDIA, 21);
  bytes.writeUInt16LE(FAT_SECTORS, 22);
  bytes.writeUInt16LE(SECTORS_PER_TRACK, 24);
  bytes.writeUInt16LE(HEADS, 26);
  bytes.writeUInt32LE(TOTAL_SECTORS, 32);
  bytes.writeUInt8(0x80, 36); // number of the drive
  bytes.writeUInt8(0x29, 38); // the three fields that follow are there
  bytes.writeUInt32LE(Math.floor(createdAt.getTime() / 1_000) % 2 ** 32, 39); // serial number
  bytes.write(VOLUME_LABEL.padEnd(11), 43, 'ascii');
  bytes.write('FAT16   ', 54, 'ascii');
  bytes.set(HALT, 62);
  bytes.set([0x55, 0xaa], 510);
  return bytes;
}
