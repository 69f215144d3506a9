/** The beginnings of disk images, small and sound, as QEMU and others write them. */

const SECTOR = 512;

export interface QcowOptions {
  readonly version?: number;
  readonly backingFileAt?: bigint;
  readonly features?: bigint;
}

/** QCOW2 of 10 GiB, with nothing in it. */
export function qcow2({ version = 3, backingFileAt = 0n, features = 0n }: QcowOptions = {}): Buffer {
  const image = Buffer.alloc(65_536);
  image.write('QFI\xfb', 'latin1');
  image.writeUInt32BE(version, 4);
  image.writeBigUInt64BE(backingFileAt, 8);
  image.writeUInt32BE(16, 20);
  image.writeBigUInt64BE(10n * 1_073_741_824n, 24);
  image.writeBigUInt64BE(features, 72);
  return image;
}

/** The dynamic kind, of 20 MiB. */
export function vhd(): Buffer {
  const image = Buffer.alloc(2_048);
  image.write('conectix');
  image.writeBigUInt64BE(20_971_520n, 40);
  return image;
}

/** Of 30 MiB. */
export function vdi(): Buffer {
  const image = Buffer.alloc(SECTOR);
  image.write('<<< Oracle VM VirtualBox Disk Image >>>\n');
  image.writeUInt32LE(0xbe_da_10_7f, 0x40);
  image.writeBigUInt64LE(31_457_280n, 0x1_70);
  return image;
}

export interface VhdxOptions {
  /** Where the region of metadata is said to be. */
  readonly metadataAt?: number;
}

/** Of 40 MiB; regions and metadata are where Hyper-V puts them. */
export function vhdx({ metadataAt = 2_097_152 }: VhdxOptions = {}): Buffer {
  const image = Buffer.alloc(3_145_728);
  image.write('vhdxfile');
  image.write('regi', 196_608);
  image.writeUInt32LE(2, 196_616);
  const region = 196_608 + 16 + 32;
  Buffer.from('06a27c8b90479a4bb8fe575f050f886e', 'hex').copy(image, region);
  image.writeBigUInt64LE(BigInt(metadataAt), region + 16);
  image.write('metadata', 2_097_152);
  image.writeUInt16LE(3, 2_097_162);
  const item = 2_097_152 + 32 * 3;
  Buffer.from('2442a52f1bcd7648b2115dbed83bf4b8', 'hex').copy(image, item);
  image.writeUInt32LE(65_544, item + 16);
  image.writeBigUInt64LE(41_943_040n, 2_097_152 + 65_544);
  return image;
}

export const SPARSE_DESCRIPTOR = `# Disk DescriptorFile
version=1
CID=9f8e7d6c
parentCID=ffffffff
createType="monolithicSparse"

# Extent description
RW 102400 SPARSE "disk.vmdk"

# The Disk Data Base
#DDB

ddb.virtualHWVersion = "4"
ddb.adapterType = "ide"
`;

/** The header of a sparse extent of 50 MiB. */
function vmdkHeader(directory: bigint): Buffer {
  const header = Buffer.alloc(SECTOR);
  header.write('KDMV');
  header.writeUInt32LE(1, 4);
  header.writeBigUInt64LE(102_400n, 12);
  header.writeBigUInt64LE(1n, 28);
  header.writeBigUInt64LE(20n, 36);
  header.writeBigUInt64LE(directory, 56);
  return header;
}

export function vmdk(descriptor = SPARSE_DESCRIPTOR): Buffer {
  const text = Buffer.alloc(20 * SECTOR);
  text.write(descriptor);
  return Buffer.concat([vmdkHeader(26n), text, Buffer.alloc(65_536)]);
}

/** With its directory behind its data, as streams have it. `footer` stands in the place of the right one. */
export function streamedVmdk(footer = vmdkHeader(200n)): Buffer {
  const text = Buffer.alloc(20 * SECTOR);
  text.write(SPARSE_DESCRIPTOR.replace('monolithicSparse', 'streamOptimized'));
  const marker = Buffer.alloc(SECTOR);
  marker.writeBigUInt64LE(1n);
  marker.writeUInt32LE(3, 12);
  const data = Buffer.alloc(65_536, 'grains');
  return Buffer.concat([
    vmdkHeader(0xffff_ffff_ffff_ffffn),
    text,
    data,
    marker,
    footer,
    Buffer.alloc(SECTOR),
  ]);
}

/** ISO 9660 of 100 blocks of 2048 bytes. */
export function iso(): Buffer {
  const image = Buffer.alloc(100 * 2_048);
  image.write('\x01CD001\x01', 32_768, 'latin1');
  image.writeUInt32LE(100, 32_768 + 80);
  image.writeUInt32BE(100, 32_768 + 84);
  image.writeUInt16LE(2_048, 32_768 + 128);
  image.writeUInt16BE(2_048, 32_768 + 130);
  return image;
}

/** A disk with the protective MBR of a GUID partition table; `more` partitions beside the one. */
export function gpt(...more: readonly number[]): Buffer {
  const image = Buffer.alloc(65_536);
  protect(image);
  for (const [index, type] of more.entries()) image.writeUInt8(type, 446 + (index + 1) * 16 + 4);
  return image;
}

/** Makes it start from a stick as well. */
export function protect(image: Buffer): Buffer {
  image.writeUIntBE(0x00_02_00, 447, 3);
  image.writeUInt8(0xee, 450);
  image.writeUInt32LE(1, 454);
  image.writeUInt32LE(127, 458);
  image.writeUInt16LE(0xaa_55, 510);
  return image;
}

/** Encrypted data of 1 MiB behind a header of 4096 sectors. */
export function luks(version = 1): Buffer {
  const image = Buffer.alloc(4_096 * SECTOR + 1_048_576);
  image.write('LUKS\xba\xbe', 'latin1');
  image.writeUInt16BE(version, 6);
  image.writeUInt32BE(4_096, 104);
  return image;
}

export function qed(): Buffer {
  const image = Buffer.alloc(65_536);
  image.write('QED\0');
  return image;
}
