import { describe, expect, test } from '@jest/globals';
import { HallmarkError } from '@hallmark/errors';
import * as disks from '../../../test/disk-images.ts';
import { Inspection, type InspectionTerms } from './inspection.ts';

const TERMS: InspectionTerms = {
  requiresMatch: true,
  vmdkTypes: ['streamOptimized', 'monolithicSparse'],
  toleratesPartitions: true,
};

interface Case {
  readonly as?: string;
  readonly container?: string;
  readonly terms?: Partial<InspectionTerms>;
  /** Bytes that come at a time. */
  readonly by?: number;
}

/** What becomes of data: its virtual size, or why it is not taken. */
function inspected(
  data: Buffer,
  { as = 'raw', container = 'bare', terms = {}, by = data.length }: Case,
): unknown {
  const inspection = new Inspection({ diskFormat: as, containerFormat: container }, { ...TERMS, ...terms });
  try {
    for (let at = 0; at < data.length; at += by) inspection.feed(data.subarray(at, at + by));
    inspection.finish();
    return inspection.virtualSize(data.length);
  } catch (error) {
    if (error instanceof HallmarkError) return `${error.reason} ${error.message}`;
    throw error;
  }
}

const MISMATCH = /^CONTENT_MISMATCH Content does not match expected format '/;
const unsafe = (why: string): string => `CONTENT_UNSAFE Image failed safety checks: ${why}`;
const GIB = 1_073_741_824;

describe('data that is what it is declared to be', () => {
  test.each([
    ['qcow2', disks.qcow2(), 10 * GIB],
    ['qcow2', disks.qcow2({ version: 2, features: 0xff_ffn }), 10 * GIB],
    ['vhd', disks.vhd(), 20_971_520],
    ['vdi', disks.vdi(), 31_457_280],
    ['vhdx', disks.vhdx(), 41_943_040],
    ['vmdk', disks.vmdk(), 52_428_800],
    ['vmdk', disks.streamedVmdk(), 52_428_800],
    ['iso', disks.iso(), 204_800],
    ['iso', disks.protect(disks.iso()), 204_800],
    ['gpt', disks.gpt(), 65_536],
    ['luks', disks.luks(), 1_048_576],
    ['raw', Buffer.from('anything'), 8],
    ['raw', disks.qcow2({ backingFileAt: 1n }), 65_536],
    ['raw', Buffer.alloc(0), null],
    ['ploop', Buffer.from('nobody knows'), null],
  ])('%s %#', (as, data, size) => {
    for (const by of [data.length || 1, 4_096, 511])
      expect([by, inspected(data, { as, by })]).toEqual([by, size]);
  });

  test('is found byte by byte, too', () => {
    expect(inspected(disks.qcow2(), { as: 'qcow2', by: 1 })).toBe(10 * GIB);
    expect(inspected(disks.streamedVmdk(), { as: 'vmdk', by: 1 })).toBe(52_428_800);
  });
});

describe('data that is something else', () => {
  const all = {
    qcow2: disks.qcow2(),
    vhd: disks.vhd(),
    vdi: disks.vdi(),
    vhdx: disks.vhdx(),
    vmdk: disks.vmdk(),
    iso: disks.iso(),
    gpt: disks.gpt(),
    luks: disks.luks(),
    text: Buffer.alloc(100_000, 'no image '),
    short: Buffer.from('QFI\xfb', 'latin1'),
    nothing: Buffer.alloc(0),
  };
  const formats = ['qcow2', 'vhd', 'vdi', 'vhdx', 'vmdk', 'iso', 'gpt', 'luks'];
  const pairs = Object.entries(all).flatMap(([name, data]) =>
    formats.filter((as) => as !== name).map((as): [string, string, Buffer] => [name, as, data]),
  );
  test.each(pairs)('%s is no %s', (_name, as, data) => {
    for (const by of [data.length || 1, 509]) expect(inspected(data, { as, by })).toMatch(MISMATCH);
  });

  test.each([
    ['a VHDX that says its metadata is in front', disks.vhdx({ metadataAt: 4_096 }), 'vhdx'],
    ['a VHDX that says its metadata is far behind', disks.vhdx({ metadataAt: 2 ** 40 }), 'vhdx'],
    ['a VMDK cut short', disks.vmdk().subarray(0, 2_000), 'vmdk'],
    ['a text that describes a VMDK', Buffer.from(disks.SPARSE_DESCRIPTOR), 'vmdk'],
    ['an ISO cut short', disks.iso().subarray(0, 33_000), 'iso'],
  ])('%s', (_name, data, as) => {
    expect(inspected(data, { as })).toMatch(MISMATCH);
  });

  test('is refused as soon as its first bytes are there', () => {
    const inspection = new Inspection({ diskFormat: 'qcow2', containerFormat: 'bare' }, TERMS);
    expect(() => inspection.feed(Buffer.alloc(512))).toThrow('Content does not match expected format');
  });

  test('is taken where the operator wants no match, and says no size', () => {
    expect(inspected(all.vdi, { as: 'qcow2', terms: { requiresMatch: false } })).toBeNull();
  });

  test('is not looked at in a container', () => {
    expect(inspected(all.text, { as: 'vmdk', container: 'ova' })).toBeNull();
    expect(inspected(all.text, { as: 'raw', container: 'compressed' })).toBeNull();
  });

  test.each([
    ['a QCOW2', disks.qcow2(), 'qcow2'],
    ['a VDI', disks.vdi(), 'vdi'],
    ['a QED', disks.qed(), 'qed'],
    ['a VMDK', disks.vmdk(), 'vmdk'],
  ])('is not an ISO with the head of %s', (_name, head, name) => {
    const image = disks.iso();
    head.copy(image, 0, 0, Math.min(head.length, 30_000));
    expect(inspected(image, { as: 'iso', by: 1_000 })).toBe(
      `CONTENT_MISMATCH Multiple formats detected: iso, ${name}`,
    );
  });
});

describe('data that nobody should open', () => {
  const described = (from: string, to: string): Buffer =>
    disks.vmdk(disks.SPARSE_DESCRIPTOR.replace(from, to));
  test.each([
    ['qcow2', disks.qcow2({ backingFileAt: 512n }), 'it has a backing file'],
    ['qcow2', disks.qcow2({ version: 2, backingFileAt: 512n }), 'it has a backing file'],
    ['qcow2', disks.qcow2({ features: 4n }), 'it has an external data file'],
    ['qcow2', disks.qcow2({ features: 1n << 40n }), 'it has features of QCOW2 that are not known'],
    [
      'vmdk',
      described('monolithicSparse', 'monolithicFlat'),
      'its VMDK createType is not among vmdk_allowed_types',
    ],
    ['vmdk', described('createType', 'madeLike'), 'its VMDK createType is not among vmdk_allowed_types'],
    [
      'vmdk',
      described('# Disk', '# createType="monolithicFlat"\n# Disk'),
      'its VMDK createType is not among vmdk_allowed_types',
    ],
    [
      'vmdk',
      described('ddb.adapter', 'CREATETYPE="custom"\nddb.adapter'),
      'its VMDK createType is not among vmdk_allowed_types',
    ],
    ['vmdk', described('disk.vmdk', '/etc/shadow'), 'a VMDK extent of it names a path'],
    ['vmdk', described('RW 102400', 'XX 102400'), 'its VMDK descriptor is not valid'],
    ['vmdk', described('RW 102400 SPARSE "disk.vmdk"', ''), 'its VMDK descriptor names no extents'],
    ['vmdk', disks.vmdk(''), 'it has no VMDK descriptor'],
    ['vmdk', disks.streamedVmdk(Buffer.alloc(512, 'KDMV')), 'its VMDK footer differs from its header'],
    ['luks', disks.luks(2), 'its version of LUKS is not supported'],
  ])('%s %#: %3$s', (as, data, why) => {
    for (const by of [data.length, 700]) expect(inspected(data, { as, by })).toBe(unsafe(why));
  });

  test('is a VMDK of a kind that the operator does not allow', () => {
    const kinds = { vmdkTypes: ['MONOLITHICSPARSE'] };
    expect(inspected(disks.vmdk(), { as: 'vmdk', terms: kinds })).toBe(52_428_800);
    expect(inspected(disks.streamedVmdk(), { as: 'vmdk', terms: kinds })).toBe(
      unsafe('its VMDK createType is not among vmdk_allowed_types'),
    );
    expect(inspected(disks.vmdk(), { as: 'vmdk', terms: { vmdkTypes: [] } })).toMatch(/^CONTENT_UNSAFE/);
  });

  test('is a footer that is not marked as one', () => {
    const image = disks.streamedVmdk();
    image.writeUInt32LE(1, image.length - 3 * 512 + 12);
    expect(inspected(image, { as: 'vmdk' })).toBe(unsafe('its VMDK footer is not marked as one'));
  });

  test('is also refused where no match is wanted', () => {
    expect(
      inspected(disks.qcow2({ backingFileAt: 1n }), { as: 'qcow2', terms: { requiresMatch: false } }),
    ).toBe(unsafe('it has a backing file'));
  });

  test('is a partition table that is unsound, where the operator does not tolerate it', () => {
    const strict = { as: 'gpt', terms: { toleratesPartitions: false } };
    const changed = (change: (image: Buffer) => unknown): Buffer => {
      const image = disks.gpt();
      change(image);
      return image;
    };
    expect(inspected(disks.gpt(), strict)).toBe(65_536);
    expect(inspected(disks.gpt(0x83), { as: 'gpt' })).toBe(65_536);
    expect(inspected(disks.gpt(0x83), strict)).toBe(unsafe('its protective MBR has other partitions'));
    expect(
      inspected(
        changed((image) => image.writeUInt8(7, 446)),
        strict,
      ),
    ).toBe(unsafe('a partition of its MBR has an invalid boot flag'));
    expect(
      inspected(
        changed((image) => image.writeUInt32LE(2, 454)),
        strict,
      ),
    ).toBe(unsafe('the protective partition of its MBR has an invalid start'));
    expect(
      inspected(
        changed((image) => image.writeUInt8(0, 450)),
        strict,
      ),
    ).toBe(unsafe('its MBR has no partitions'));
  });
});
