/** Bytes of a sector, the unit in which everything on the volume is placed. */
export const SECTOR = 2_048;

/** A number in both byte orders, as ECMA-119 7.3.3 has it. */
export function both32(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(value, 0);
  bytes.writeUInt32BE(value, 4);
  return bytes;
}

/** A number in both byte orders, as ECMA-119 7.2.3 has it. */
export function both16(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16LE(value, 0);
  bytes.writeUInt16BE(value, 2);
  return bytes;
}

/** Date and time in UTC as directory records have it: ECMA-119 9.1.5. */
export const recordDate = (date: Date): Buffer =>
  Buffer.from([
    date.getUTCFullYear() - 1900,
    date.getUTCMonth() + 1,
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
    0,
  ]);

/** Date and time in UTC as volume descriptors have it: ECMA-119 8.4.26.1. */
export function volumeDate(date: Date): Buffer {
  const digits = date.toISOString().replaceAll(/\D/g, ''); // to the millisecond
  return Buffer.concat([Buffer.from(digits.slice(0, 16), 'ascii'), Buffer.from([0])]);
}

/** No date. */
export const NO_VOLUME_DATE = Buffer.concat([Buffer.from('0'.repeat(16), 'ascii'), Buffer.from([0])]);

/** Text in Joliet's two bytes a character, the high one first. */
export const ucs2 = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();

/** The bytes, filled up with zeros to whole sectors. */
export function wholeSectors(bytes: Uint8Array): Buffer {
  const sectors = Buffer.alloc(Math.ceil(bytes.length / SECTOR) * SECTOR);
  sectors.set(bytes);
  return sectors;
}
