import { sizeOf, startsWith, viewOf, type Look } from './look.ts';

// VMware Virtual Disk Format 1.1: a header of 512 bytes, little-endian, then a descriptor, which is text.
const SECTOR = 512;
const DESCRIPTOR_AT = 512;
const DESCRIPTOR_MOST = 1_048_575;
const VERSIONS: readonly number[] = [1, 2, 3];
/** In the place of the grain directory: header and directory are repeated behind the data. */
const DIRECTORY_AT_END = 0xffff_ffff_ffff_ffffn;
const FOOTER_MARKER = 3;
const END_OF_STREAM_MARKER = 0;
const EXTENT_ACCESS = /^(?:rw|rdonly|noaccess) /;

interface Header {
  readonly version: number;
  readonly sectors: bigint;
  readonly descriptorSector: bigint;
  readonly descriptorSectors: bigint;
  readonly directory: bigint;
}

/** VMDK of one file. Others are a text that names files, which nobody should follow. */
export const vmdk = (allowedTypes: readonly string[]) =>
  function* (): Look {
    const header = readHeader(yield { offset: 0, length: SECTOR });
    if (!header || !VERSIONS.includes(header.version)) return undefined;
    const { descriptorSector, descriptorSectors } = header;
    if (descriptorSector * 512n !== BigInt(DESCRIPTOR_AT) || descriptorSectors === 0n) return undefined;
    const length = Math.min(Number(descriptorSectors) * SECTOR, DESCRIPTOR_MOST);
    const descriptor = readText(yield { offset: DESCRIPTOR_AT, length });
    return {
      virtualSize: () => sizeOf(header.sectors * 512n),
      unsafe: unsafeDescriptor(descriptor, allowedTypes),
      ...(header.directory === DIRECTORY_AT_END && { unsafeEnd: (end) => unsafeFooter(header, end) }),
    };
  };

function readHeader(bytes: Uint8Array): Header | undefined {
  if (!startsWith(bytes, 'KDMV')) return undefined;
  const view = viewOf(bytes);
  return {
    version: view.getUint32(4, true),
    sectors: view.getBigUint64(12, true),
    descriptorSector: view.getBigUint64(28, true),
    descriptorSectors: view.getBigUint64(36, true),
    directory: view.getBigUint64(56, true),
  };
}

/** ASCII up to its padding, in small letters, because it is read so. Undefined: something else. */
function readText(bytes: Uint8Array): string | undefined {
  const padding = bytes.indexOf(0);
  const text = padding < 0 ? bytes : bytes.subarray(0, padding);
  return text.length === 0 || text.some((byte) => byte > 127)
    ? undefined
    : Buffer.from(text).toString('latin1').toLowerCase();
}

/** Every line must be understood: one that is not may be understood by whoever opens the image. */
function unsafeDescriptor(text: string | undefined, allowedTypes: readonly string[]): string | undefined {
  if (text === undefined) return 'it has no VMDK descriptor';
  // Whoever opens the image may take another occurrence for the one that counts.
  const types = [...text.matchAll(/createtype[ \t]*=[ \t]*"?(?<type>[^"\n]*)/g)].map(
    ({ groups }) => groups?.['type'],
  );
  const allowed = allowedTypes.map((type) => type.toLowerCase());
  if (types.length === 0 || !types.every((type) => type !== undefined && allowed.includes(type)))
    return 'its VMDK createType is not among vmdk_allowed_types';
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith('ddb'));
  const extents = lines.filter((line) => EXTENT_ACCESS.test(line));
  if (lines.some((line) => !EXTENT_ACCESS.test(line) && !/^[^\s=]+=/.test(line)))
    return 'its VMDK descriptor is not valid';
  if (extents.length === 0) return 'its VMDK descriptor names no extents';
  if (extents.some((line) => line.includes('/'))) return 'a VMDK extent of it names a path';
  return undefined;
}

/** The footer stands over the header, so it must say the same. */
function unsafeFooter(header: Header, end: Uint8Array): string | undefined {
  const footer = end.length === 3 * SECTOR ? readHeader(end.subarray(SECTOR)) : undefined;
  const isSame =
    footer?.version === header.version &&
    footer.descriptorSector === header.descriptorSector &&
    footer.descriptorSectors === header.descriptorSectors &&
    footer.directory !== DIRECTORY_AT_END;
  if (!isSame) return 'its VMDK footer differs from its header';
  const areMarked =
    isMarker(end.subarray(0, SECTOR), FOOTER_MARKER) &&
    isMarker(end.subarray(-SECTOR), END_OF_STREAM_MARKER) &&
    viewOf(end).getBigUint64(2 * SECTOR, true) === 0n;
  return areMarked ? undefined : 'its VMDK footer is not marked as one';
}

const isMarker = (sector: Uint8Array, type: number): boolean =>
  viewOf(sector).getUint32(8, true) === 0 &&
  viewOf(sector).getUint32(12, true) === type &&
  sector.subarray(16).every((byte) => byte === 0);
