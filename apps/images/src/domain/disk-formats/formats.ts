import { sizeOf, startsWith, viewOf, type Look } from './look.ts';
import { vhdx } from './vhdx.ts';
import { vmdk } from './vmdk.ts';

/** What an operator decides about formats. */
export interface FormatTerms {
  /** Kinds of VMDK, by the `createType` of their descriptor. */
  readonly vmdkTypes: readonly string[];
  /** Whether a partition table may be unsound. */
  readonly toleratesPartitions: boolean;
}

/** The formats that can be told from their bytes. */
export const looksAt = ({ vmdkTypes, toleratesPartitions }: FormatTerms): ReadonlyMap<string, () => Look> =>
  new Map(
    Object.entries({
      qcow2,
      qed,
      vhd,
      vhdx,
      vmdk: vmdk(vmdkTypes),
      vdi,
      iso,
      gpt: gpt(toleratesPartitions),
      luks,
    }),
  );

const HEADER = { offset: 0, length: 512 };
const NO_SIZE = (): undefined => undefined;

// QEMU's docs/interop/qcow2.rst; big-endian.
const QCOW_DATA_FILE = 1n << 2n;
const QCOW_KNOWN_FEATURES = (1n << 4n) - 1n;

function* qcow2(): Look {
  const header = yield HEADER;
  if (!startsWith(header, 'QFI\xfb')) return undefined;
  const view = viewOf(header);
  const backingFile = view.getBigUint64(8);
  // Version 2 ends before them.
  const features = view.getUint32(4) > 2 ? view.getBigUint64(72) : 0n;
  const virtualSize = sizeOf(view.getBigUint64(24));
  const unsafe =
    backingFile !== 0n
      ? 'it has a backing file'
      : features & QCOW_DATA_FILE
        ? 'it has an external data file'
        : features & ~QCOW_KNOWN_FEATURES
          ? 'it has features of QCOW2 that are not known'
          : undefined;
  return { virtualSize: () => virtualSize, unsafe };
}

/** Nobody uses it; it is known so that it can't hide in something else. */
function* qed(): Look {
  if (!startsWith(yield HEADER, 'QED\0')) return undefined;
  return { virtualSize: NO_SIZE, unsafe: 'QED is not allowed' };
}

/** Virtual PC's; its footer is repeated at the beginning where the disk is dynamic. */
function* vhd(): Look {
  const header = yield HEADER;
  if (!startsWith(header, 'conectix')) return undefined;
  const virtualSize = sizeOf(viewOf(header).getBigUint64(40));
  return { virtualSize: () => virtualSize };
}

/** VirtualBox's, little-endian. */
function* vdi(): Look {
  const view = viewOf(yield HEADER);
  if (view.getUint32(0x40, true) !== 0xbe_da_10_7f) return undefined;
  const virtualSize = sizeOf(view.getBigUint64(0x1_70, true));
  return { virtualSize: () => virtualSize };
}

/** ISO 9660 (ECMA-119 8.4) and UDF: the first volume descriptor is sector 16. */
function* iso(): Look {
  const descriptor = yield { offset: 32_768, length: 2_048 };
  const standard = Buffer.from(descriptor.subarray(1, 6)).toString('latin1');
  if (!['CD001', 'NSR02', 'NSR03'].includes(standard)) return undefined;
  const view = viewOf(descriptor);
  const isPrimary = descriptor[0] === 1;
  const virtualSize = isPrimary
    ? sizeOf(BigInt(view.getUint32(80, true)) * BigInt(view.getUint16(128, true)))
    : undefined;
  return { virtualSize: () => virtualSize };
}

// UEFI 5.2: a protective MBR in front of a GUID partition table; a plain MBR looks the same.
const PARTITIONS_AT = 446;
const GPT_PROTECTIVE = 0xee;

const gpt = (isTolerant: boolean) =>
  function* (): Look {
    const sector = yield HEADER;
    const view = viewOf(sector);
    if (view.getUint16(510, true) !== 0xaa_55) return undefined;
    // The boot sector of a FAT file system: two tables, on a fixed disk.
    if (sector[0x10] === 2 && sector[0x15] === 0xf8) return undefined;
    return {
      virtualSize: (size) => size,
      unsafe: isTolerant ? undefined : unsafePartitions(view),
    };
  };

function unsafePartitions(view: DataView): string | undefined {
  const partitions = [0, 1, 2, 3].map((index) => {
    const at = PARTITIONS_AT + index * 16;
    return {
      index,
      flag: view.getUint8(at),
      startsAt: view.getUint32(at, false) & 0xff_ff_ff,
      type: view.getUint8(at + 4),
      firstBlock: view.getUint32(at + 8, true),
    };
  });
  const used = partitions.filter(({ type }) => type !== 0);
  const protective = used.filter(({ type }) => type === GPT_PROTECTIVE);
  if (partitions.some(({ flag }) => flag !== 0 && flag !== 0x80))
    return 'a partition of its MBR has an invalid boot flag';
  if (protective.some(({ startsAt, firstBlock }) => startsAt !== 0x00_02_00 || firstBlock !== 1))
    return 'the protective partition of its MBR has an invalid start';
  if (protective.length > 0 && (used.length > 1 || used[0]?.index !== 0))
    return 'its protective MBR has other partitions';
  return used.length === 0 ? 'its MBR has no partitions' : undefined;
}

/** LUKS 1, cryptsetup's on-disk format; big-endian. */
function* luks(): Look {
  const header = yield { offset: 0, length: 592 };
  if (!startsWith(header, 'LUKS\xba\xbe')) return undefined;
  const view = viewOf(header);
  const payloadAt = view.getUint32(104) * 512;
  return {
    virtualSize: (size) => (size > payloadAt ? size - payloadAt : undefined),
    unsafe: view.getUint16(6) === 1 ? undefined : 'its version of LUKS is not supported',
  };
}
