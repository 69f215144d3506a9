import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Container, describeWithDocker } from '@hallmark/testing';
import { driveImage, type DriveFormat } from '../src/drive/config-drive.ts';
import type { DriveFile } from '../src/drive/drive-image.ts';
import { digests } from './drive-house.ts';
import { LinuxGuest } from './linux-guest.ts';

// The drives as guests and operators see them: xorriso, isoinfo, fsck.vfat, mtools, cloud-init, a Linux kernel.

jest.setTimeout(240_000);

const METADATA = { uuid: '7fd0c4ba-5f6b-4a2c-9a52-0f1a4a0f2c55', name: 'größe', random_seed: 'AAECAw==' };
const VERSIONS = ['2012-08-10', '2013-10-17', '2016-10-06', '2018-08-27', '2020-10-14', 'latest'];
const EC2_VERSIONS = ['1.0', '2009-04-04', 'latest'];

/** A drive of Nova's layout: names with and without dots and dashes, an empty file, large ones, many. */
const files: readonly DriveFile[] = [
  ...EC2_VERSIONS.flatMap((version) => [
    text(`ec2/${version}/user-data`, '#cloud-config\n'),
    text(`ec2/${version}/meta-data.json`, '{"instance-id": "i-00000001"}'),
  ]),
  ...VERSIONS.flatMap((version) => [
    text(`openstack/${version}/meta_data.json`, JSON.stringify(METADATA)),
    text(`openstack/${version}/user_data`, '#cloud-config\n{}\n'),
    text(`openstack/${version}/vendor_data.json`, '{"cloud-init": "#cloud-config\\n{}"}'),
    text(`openstack/${version}/network_data.json`, '{"links": []}'),
    text(`openstack/${version}/vendor_data2.json`, JSON.stringify({ big: 'x'.repeat(300_000) })),
  ]),
  ...Array.from({ length: 5 }, (_, index) => personality(index, 10_240)),
  // More than one sector, and one cluster, of directory; the first is empty.
  ...Array.from({ length: 300 }, (_, index) => personality(index + 5, index)),
];

function text(path: string, contents: string): DriveFile {
  return { path, contents: Buffer.from(contents) };
}

function personality(number: number, length: number): DriveFile {
  const contents = Buffer.from(Array.from({ length }, (_, index) => (index * 7 + number) % 256));
  return { path: `openstack/content/${String(number).padStart(4, '0')}`, contents };
}

const WANTED = Object.fromEntries(
  files.map(({ path, contents }) => [path, createHash('sha256').update(contents).digest('hex')]),
);
const SIZES = Object.fromEntries(files.map(({ path, contents }) => [path, contents.length]));

describeWithDocker('config drives to the tools of guests', () => {
  let container: Container;
  const exec = async (...command: string[]): Promise<string> => await container.exec(command);

  beforeAll(async () => {
    container = await Container.start({
      image: 'cloud-init',
      ports: [],
      ready: (started) => started.exec(['cloud-init', '--version']),
    });
    for (const format of ['iso9660', 'vfat'] as const)
      await container.put(`/drive.${format}`, written(format));
  });
  afterAll(async () => {
    await container[Symbol.asyncDispose]();
  });

  function written(format: DriveFormat): Buffer {
    const createdAt = new Date('2026-11-20T13:14:15.678Z');
    return Buffer.concat([...driveImage(format, { files, createdAt }).chunks()]);
  }

  describe('iso9660', () => {
    test('xorriso reads the label, every file by its true name, owners and modes', async () => {
      const listed = await exec('sh', '-c', 'xorriso -indev /drive.iso9660 -find / -exec lsdl 2>&1');
      expect(listed).toContain("Volume id    : 'config-2'");
      expect(listed).not.toMatch(/WARNING|SORRY|FAILURE|MISHAP|FATAL/);
      const nodes = listed.split('\n').filter((line) => /^[-d]r/.test(line));
      for (const node of nodes) {
        expect(node).toMatch(/^(-r--r--r--|dr-xr-xr-x) +\d+ 0 +0 +\d+ Nov 20 13:14 '/);
      }
      const paths = nodes
        .filter((node) => node.startsWith('-'))
        .map((node) => node.slice(node.indexOf("'/") + 2, -1));
      expect(new Set(paths)).toEqual(new Set(files.map(({ path }) => path)));

      await exec('sh', '-c', 'xorriso -osirrox on -indev /drive.iso9660 -extract / /rock-ridge 2>&1');
      expect(await digests(container, '/rock-ridge')).toEqual(WANTED);
    });

    test('Joliet has the true names too, and the same bytes', async () => {
      await exec(
        'sh',
        '-c',
        'xorriso -read_fs norock -osirrox on -indev /drive.iso9660 -extract / /joliet 2>&1',
      );
      expect(await digests(container, '/joliet')).toEqual(WANTED);
    });

    test('plain ISO 9660 has the names that Nova’s tool gives', async () => {
      const described = await exec('isoinfo', '-d', '-i', '/drive.iso9660');
      expect(described).toContain('Publisher id: Hallmark');
      expect(described).toContain('Joliet with UCS level 3 found');
      expect(described).toContain('Rock Ridge signatures version 1 found');
      const paths = (await exec('isoinfo', '-f', '-i', '/drive.iso9660')).split('\n');
      expect(paths).toEqual(
        expect.arrayContaining([
          '/ec2/2009_04_04/meta_data.json;1',
          '/ec2/1.0/user_data.;1',
          '/openstack/2020_10_14/vendor_data2.json;1',
          '/openstack/content/0000.;1',
        ]),
      );
      const plain = await exec('isoinfo', '-i', '/drive.iso9660', '-x', '/openstack/latest/meta_data.json;1');
      expect(plain).toBe(JSON.stringify(METADATA));
    });

    test('the path tables lead to every directory', async () => {
      const table = await exec('isoinfo', '-p', '-i', '/drive.iso9660');
      const names = table.split('\n').flatMap((line) => / ([^ ]+)$/.exec(line.trimEnd())?.[1] ?? []);
      expect(names).toEqual(expect.arrayContaining(['ec2', 'openstack', '2009_04_04', 'content', 'latest']));
    });
  });

  describe('vfat', () => {
    test('fsck.vfat finds nothing to mend', async () => {
      const said = await exec('sh', '-c', 'fsck.vfat -n -v /drive.vfat 2>&1');
      expect(said).toContain('2 FATs, 16 bit entries');
      expect(said).toMatch(/\d+ files, \d+\/32695 clusters/);
    });

    test('blkid finds it by its label', async () => {
      const said = await exec('blkid', '-p', '-o', 'export', '/drive.vfat');
      expect(said).toContain('LABEL=config-2\n');
      expect(said).toContain('TYPE=vfat\n');
    });

    test('mtools reads every file by its long name', async () => {
      await exec('sh', '-c', 'mkdir /mtools && mcopy -s -i /drive.vfat ::/ec2 ::/openstack /mtools');
      expect(await digests(container, '/mtools')).toEqual(WANTED);
    });

    test('is laid out as mkfs.vfat does it', async () => {
      await exec('sh', '-c', 'truncate -s 67108864 /nova && mkfs.vfat -n config-2 /nova 2>&1');
      const fields = async (image: string): Promise<string> =>
        await exec(
          'sh',
          '-c',
          `head -c 38 ${image} | tail -c +12 | od -An -v -t x1; head -c 62 ${image} | tail -c 19`,
        );
      expect(await fields('/drive.vfat')).toBe(await fields('/nova'));
    });
  });

  test.each(['/rock-ridge', '/mtools'])('cloud-init reads %s as a config drive', async (folder) => {
    const read: unknown = JSON.parse(await exec('python3', '/opt/hallmark/read_config_drive.py', folder));
    expect(read).toMatchObject({
      version: 2,
      metadata: { 'instance-id': METADATA.uuid, name: METADATA.name },
      userdata: '#cloud-config\n{}\n',
      vendordata: { 'cloud-init': '#cloud-config\n{}' },
      vendordata2: { big: 'x'.repeat(300_000) },
    });
  });

  test('a Linux kernel mounts both, and reads every file by its true name', async () => {
    await using guest = await LinuxGuest.start();
    const seen = await guest.boot(
      { bus: 'disk', bytes: written('iso9660') },
      { bus: 'disk', bytes: written('vfat') },
    );
    const all = { sizes: SIZES, digests: WANTED };
    expect(seen).toMatchObject({
      '/dev/vda': { type: 'iso9660', mounts: { 'ro,sync': all, 'ro,norock': all } },
      '/dev/vdb': { type: 'vfat', mounts: { 'ro,sync': all } },
    });
    // Nothing more either.
    expect(Object.keys(seen['/dev/vda']?.mounts['ro,sync']?.digests ?? {})).toHaveLength(files.length);
    expect(Object.keys(seen['/dev/vdb']?.mounts['ro,sync']?.digests ?? {})).toHaveLength(files.length);
  });
});
