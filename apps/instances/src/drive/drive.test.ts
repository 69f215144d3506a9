import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { HallmarkError } from '@hallmark/errors';
import { digestOf, driveImage, type DriveFormat } from './config-drive.ts';
import type { DriveFile } from './drive-image.ts';
import { longEntries } from './vfat/entries.ts';
import { checksum, ShortNames } from './vfat/names.ts';

const createdAt = new Date('2026-11-20T13:14:15.678Z');
const file = (path: string, contents: string | Buffer = path): DriveFile => ({
  path,
  contents: Buffer.from(contents),
});
const bytesOf = (format: DriveFormat, files: readonly DriveFile[], date = createdAt): Buffer =>
  Buffer.concat([...driveImage(format, { files, createdAt: date }).chunks()]);

const FORMATS = ['iso9660', 'vfat'] as const;

describe.each(FORMATS)('a drive in %s', (format) => {
  const files = [file('openstack/latest/meta_data.json'), file('openstack/latest/user_data', '')];

  test('is as long as it says, and digested as it is', async () => {
    const image = driveImage(format, { files, createdAt });
    const bytes = bytesOf(format, files);
    expect(bytes).toHaveLength(image.size);
    expect(await digestOf(image)).toEqual({
      size: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    });
  });

  test('is the same each time, and another for another date or content', () => {
    const bytes = bytesOf(format, files);
    expect(bytesOf(format, files).equals(bytes)).toBe(true);
    expect(bytesOf(format, files, new Date('2026-11-20T13:14:18Z')).equals(bytes)).toBe(false);
    expect(bytesOf(format, [...files, file('ec2/latest/user-data')]).equals(bytes)).toBe(false);
  });

  test('does not copy the files', () => {
    const large = Buffer.alloc(3_000_000, 'x');
    const chunks = [...driveImage(format, { files: [{ path: 'a', contents: large }], createdAt }).chunks()];
    expect(chunks.filter(({ buffer }) => buffer === large.buffer)).toHaveLength(1);
    expect(Math.max(...chunks.map(({ length }) => length))).toBe(large.length);
  });

  test.each(['../escape', 'a//b', '/a', 'a/', '.', 'größe', 'a b', 'trailing.', 'x'.repeat(30), ''])(
    'takes no path such as "%s", which is never ours',
    (path) => {
      expect(() => bytesOf(format, [file(path)])).toThrow('is no path for a config drive');
    },
  );

  test.each([[['a', 'a']], [['a', 'A']], [['a/b', 'a']]])('takes no name twice: %j', (paths) => {
    expect(() =>
      bytesOf(
        format,
        paths.map((path) => file(path)),
      ),
    ).toThrow(/would be twice/);
  });
});

describe('iso9660', () => {
  test('refuses names that the plain hierarchy could not tell apart', () => {
    expect(() => bytesOf('iso9660', [file('user-data'), file('user_data')])).toThrow('become the same');
  });

  test('says what it is where readers look', () => {
    const bytes = bytesOf('iso9660', [file('a')]);
    const volume = (sector: number): Buffer => bytes.subarray(sector * 2_048, (sector + 1) * 2_048);
    expect(volume(16).toString('latin1', 0, 72)).toBe(
      `\x01CD001\x01\0${'LINUX'.padEnd(32)}${'config-2'.padEnd(32)}`,
    );
    expect(volume(16).toString('latin1', 318, 446).trimEnd()).toBe('Hallmark');
    expect(volume(16).toString('latin1', 813, 830)).toBe('2026112013141567\0');
    expect(volume(17).toString('latin1', 88, 91)).toBe('%/E');
    expect(volume(18).toString('latin1', 0, 6)).toBe('\xffCD001');
  });
});

describe('vfat', () => {
  test('refuses more than fits', () => {
    const contents = Buffer.alloc(33_000_000);
    const files = ['a', 'b', 'c'].map((path) => ({ path, contents }));
    expect(() => bytesOf('vfat', files)).toThrow(HallmarkError);
    expect(() => bytesOf('vfat', files.slice(0, 2))).not.toThrow();
  });

  test.each([
    ['0000', '0000       ', true],
    ['latest', 'LATEST     ', false],
    ['meta_data.json', 'META_D~1JSO', false],
    ['network_data.json', 'NETWOR~1JSO', false],
    ['2012-08-10', '2012-0~1   ', false],
    ['a.b.txt', 'AB~1    TXT', false],
    ['README.TXT', 'README  TXT', true],
  ])('calls %s "%s" for short', (name, short, exact) => {
    const given = new ShortNames().give(name);
    expect(given.bytes.toString()).toBe(short);
    expect(given.exact).toBe(exact);
  });

  test('gives no two files of a directory one short name', () => {
    const names = new ShortNames();
    const given = Array.from({ length: 120 }, (_, index) =>
      names.give(`vendor_data${index}.json`).bytes.toString(),
    );
    expect(new Set(given).size).toBe(120);
    expect(given[9]).toBe('VENDO~10JSO');
    expect(given[99]).toBe('VEND~100JSO');
  });

  test('ties long names to short ones as Windows does', () => {
    // From Microsoft's FAT specification: "The quick brown.fox" is THEQUI~1.FOX.
    expect(checksum(Buffer.from('THEQUI~1FOX'))).toBe(0x07);
    const entries = longEntries('The quick brown.fox', { bytes: Buffer.from('THEQUI~1FOX'), exact: false });
    expect(entries.map((entry) => [entry[0], entry[11], entry[13]])).toEqual([
      [0x42, 0x0f, 0x07],
      [0x01, 0x0f, 0x07],
    ]);
  });
});
