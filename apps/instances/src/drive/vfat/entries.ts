import { checksum, type ShortName } from './names.ts';

export const ENTRY = 32;

export const ATTRIBUTE = { volumeLabel: 0x08, directory: 0x10, archive: 0x20 } as const;

export interface Entry {
  readonly shortName: Uint8Array;
  readonly attributes: number;
  /** The first cluster; 0 for an empty file and for the root directory. */
  readonly cluster: number;
  /** Bytes of a file; 0 for everything else. */
  readonly size: number;
}

/** Local time to FAT, which knows no zones: UTC, as Linux reads it on machines that keep UTC. */
export function fatTime(date: Date): { readonly date: number; readonly time: number } {
  const year = Math.max(0, date.getUTCFullYear() - 1980);
  return {
    date: (year << 9) | ((date.getUTCMonth() + 1) << 5) | date.getUTCDate(),
    time: (date.getUTCHours() << 11) | (date.getUTCMinutes() << 5) | (date.getUTCSeconds() >> 1),
  };
}

export function shortEntry({ shortName, attributes, cluster, size }: Entry, createdAt: Date): Buffer {
  const bytes = Buffer.alloc(ENTRY);
  const { date, time } = fatTime(createdAt);
  bytes.set(shortName, 0);
  bytes.writeUInt8(attributes, 11);
  bytes.writeUInt16LE(time, 14); // creation
  bytes.writeUInt16LE(date, 16);
  bytes.writeUInt16LE(date, 18); // last access
  bytes.writeUInt16LE(time, 22); // last change
  bytes.writeUInt16LE(date, 24);
  bytes.writeUInt16LE(cluster, 26);
  bytes.writeUInt32LE(size, 28);
  return bytes;
}

const LONG_NAME = 0x0f;
const LAST_PART = 0x40;
const CHARACTERS = 13;
/** Where an entry of a long name has its characters. */
const PLACES = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];

/** The entries that carry a long name, in the order in which they stand before the short one: last part first. */
export function longEntries(name: string, { bytes: shortName, exact }: ShortName): Buffer[] {
  if (exact) return [];
  const sum = checksum(shortName);
  const parts = Math.ceil(name.length / CHARACTERS);
  return Array.from({ length: parts }, (_, index) => {
    const part = parts - index;
    const bytes = Buffer.alloc(ENTRY);
    bytes.writeUInt8(part | (index === 0 ? LAST_PART : 0), 0);
    bytes.writeUInt8(LONG_NAME, 11);
    bytes.writeUInt8(sum, 13);
    for (const [place, at] of PLACES.entries()) {
      const position = (part - 1) * CHARACTERS + place;
      // One zero ends the name where there is room for it, and ones fill the rest.
      const unit = position < name.length ? name.charCodeAt(position) : position === name.length ? 0 : 0xffff;
      bytes.writeUInt16LE(unit, at);
    }
    return bytes;
  });
}
