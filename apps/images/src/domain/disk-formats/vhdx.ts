import { sizeOf, startsWith, viewOf, type Look, type Wanted } from './look.ts';

// [MS-VHDX]: a table of regions, one of them metadata, which is a table of items, one of them the size.
const REGIONS: Wanted = { offset: 196_608, length: 65_536 };
const METADATA_LENGTH = 65_536;
const MOST_ENTRIES = 2_047;
const ENTRY = 32;
const METADATA_REGION = guid('8b7ca206-4790-4b9a-b8fe-575f050f886e');
const VIRTUAL_DISK_SIZE = guid('2fa54224-cd1b-4876-b211-5dbed83bf4b8');

export function* vhdx(): Look {
  if (!startsWith(yield { offset: 0, length: 8 }, 'vhdxfile')) return undefined;
  const regions = yield REGIONS;
  if (!startsWith(regions, 'regi')) return undefined;
  const region = findEntry(regions, 16, viewOf(regions).getUint32(8, true), METADATA_REGION);
  const offset = region && sizeOf(region.getBigUint64(16, true));
  if (offset === undefined) return undefined;
  const metadata = yield { offset, length: METADATA_LENGTH };
  if (!startsWith(metadata, 'metadata')) return undefined;
  const item = findEntry(metadata, ENTRY, viewOf(metadata).getUint16(10, true), VIRTUAL_DISK_SIZE);
  if (!item) return undefined;
  const value = yield { offset: offset + item.getUint32(16, true), length: 8 };
  const virtualSize = sizeOf(viewOf(value).getBigUint64(0, true));
  return { virtualSize: () => virtualSize };
}

function findEntry(table: Uint8Array, first: number, count: number, id: Uint8Array): DataView | undefined {
  for (let at = first, left = Math.min(count, MOST_ENTRIES); left > 0; left -= 1, at += ENTRY) {
    const entry = table.subarray(at, at + ENTRY);
    if (Buffer.compare(entry.subarray(0, 16), id) === 0) return viewOf(entry);
  }
  return undefined;
}

/** As Microsoft stores it: the first three groups little-endian. */
function guid(text: string): Uint8Array {
  const bytes = Buffer.from(text.replaceAll('-', ''), 'hex');
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes;
}
