import { both16, both32, NO_VOLUME_DATE, SECTOR, ucs2, volumeDate } from './fields.ts';

/** One of the volume's two hierarchies, as its descriptor tells of it. */
export interface Volume {
  readonly label: string;
  readonly publisher: string;
  readonly createdAt: Date;
  readonly sectors: number;
  readonly pathTableSize: number;
  /** Sectors of the path table with the low byte first, and of the one with the high byte first. */
  readonly pathTables: { readonly littleEndian: number; readonly bigEndian: number };
  readonly rootRecord: Buffer;
}

/** How text stands in a descriptor, and what tells of it. */
interface Lettering {
  readonly type: number;
  readonly escapeSequence: string;
  readonly text: (words: string, length: number) => Buffer;
}

const PLAIN: Lettering = {
  type: 1,
  escapeSequence: '',
  text: (words, length) => Buffer.from(words.slice(0, length).padEnd(length, ' '), 'ascii'),
};

const JOLIET: Lettering = {
  type: 2,
  escapeSequence: '%/E', // UCS-2, level 3
  // An odd length leaves one byte, which stays zero.
  text: (words, length) =>
    Buffer.concat([ucs2(words.slice(0, length >> 1).padEnd(length >> 1, ' ')), Buffer.alloc(length % 2)]),
};

const head = (type: number): Buffer => Buffer.from(`${String.fromCharCode(type)}CD001\x01`, 'latin1');

/** ECMA-119 8.4 and 8.5: both descriptors have one form. */
function descriptor(volume: Volume, { type, escapeSequence, text }: Lettering): Buffer {
  const bytes = Buffer.alloc(SECTOR);
  const put = (at: number, field: Uint8Array): void => bytes.set(field, at);
  put(0, head(type));
  put(8, text('LINUX', 32));
  put(40, text(volume.label, 32));
  put(80, both32(volume.sectors));
  put(88, Buffer.from(escapeSequence, 'ascii'));
  put(120, both16(1)); // volumes in the set
  put(124, both16(1)); // number of this one
  put(128, both16(SECTOR));
  put(132, both32(volume.pathTableSize));
  bytes.writeUInt32LE(volume.pathTables.littleEndian, 140);
  bytes.writeUInt32BE(volume.pathTables.bigEndian, 148);
  put(156, volume.rootRecord);
  put(190, text('', 128)); // volume set
  put(318, text(volume.publisher, 128));
  put(446, text('', 128)); // data preparer
  put(574, text('', 128)); // application
  put(702, text('', 37)); // copyright, abstract and bibliographic files
  put(739, text('', 37));
  put(776, text('', 37));
  put(813, volumeDate(volume.createdAt));
  put(830, volumeDate(volume.createdAt)); // modification
  put(847, NO_VOLUME_DATE); // expiration
  put(864, volumeDate(volume.createdAt)); // effective
  bytes.writeUInt8(1, 881); // version of the file structure
  return bytes;
}

export const primaryDescriptor = (volume: Volume): Buffer => descriptor(volume, PLAIN);

export const jolietDescriptor = (volume: Volume): Buffer => descriptor(volume, JOLIET);

/** Ends the list of descriptors: ECMA-119 8.3. */
export function descriptorsEnd(): Buffer {
  const bytes = Buffer.alloc(SECTOR);
  bytes.set(head(255));
  return bytes;
}
