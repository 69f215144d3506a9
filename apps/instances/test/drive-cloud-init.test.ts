import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Container, describeWithDocker, usePostgres } from '@hallmark/testing';
import { digests, DriveHouse } from './drive-house.ts';
import { FakeVendordata } from './fake-vendordata.ts';
import { PROJECT } from './house.ts';
import { LinuxGuest } from './linux-guest.ts';

// A drive as a guest has it: built by the service, fetched from it, mounted by a Linux kernel, and read by
// cloud-init's own code.

const USER_DATA = '#!/bin/sh\necho hello\n';
const NETWORK_DATA = '{"links": [], "networks": [], "services": []}';
const VENDOR_DATA = '{"cloud-init": "#cloud-config\\npackages: [ntp]\\n"}';
const VENDOR_DATA2 = '{"cloud-init": "#cloud-config\\ntimezone: UTC\\n", "cmdb": {"asset": 7}}';
/** Every byte, and more than one block of each file system. */
const BLOB = Buffer.from(Array.from({ length: 10_000 }, (_, index) => (index * 7) % 256));

const sha256 = (contents: string | Buffer): string => createHash('sha256').update(contents).digest('hex');

describeWithDocker('a config drive in a guest', () => {
  const pg = usePostgres();
  let cloudInit: Container;
  let vendordataService: FakeVendordata;

  beforeAll(async () => {
    vendordataService = await FakeVendordata.start();
    vendordataService.vendorData = VENDOR_DATA;
    vendordataService.vendorData2 = VENDOR_DATA2;
    cloudInit = await Container.start({
      image: 'cloud-init',
      ports: [],
      ready: (started) => started.exec(['cloud-init', '--version']),
    });
  }, 240_000);
  afterAll(async () => {
    await cloudInit[Symbol.asyncDispose]();
    await vendordataService[Symbol.asyncDispose]();
  });

  const extracted = {
    iso9660: 'rm -rf /iso9660 && xorriso -osirrox on -indev /drive -extract / /iso9660 2>&1',
    vfat: 'rm -rf /vfat && mkdir /vfat && mcopy -s -i /drive ::/ec2 ::/openstack /vfat',
  };

  /** A drive that was fetched, with its files in cloud-init's container. */
  async function fetched(format: keyof typeof extracted): Promise<{ id: string; bytes: Buffer }> {
    await using house = await DriveHouse.open({
      database: await pg.current.createDatabase(),
      vendordata: vendordataService,
      ini: `[DEFAULT]\nconfig_drive_format = ${format}\n`,
    });
    const { id } = await house.boot({
      boot: {
        name: 'Größe 1',
        userData: Buffer.from(USER_DATA).toString('base64'),
        metadata: [{ key: 'role', value: 'mail' }],
        keypair: { name: 'ops', type: 'ssh', publicKey: 'ssh-ed25519 AAAA ops' },
        networkData: Buffer.from(NETWORK_DATA),
        personality: [
          { path: '/etc/motd', contents: Buffer.from('welcome\n') },
          { path: '/etc/blob', contents: BLOB },
        ],
        adminPass: 'sesame-42',
      },
    });
    await house.built(id);
    const { bytes } = await house.download(id);
    await cloudInit.put('/drive', bytes);
    await cloudInit.exec(['sh', '-c', extracted[format]]);
    return { id, bytes };
  }

  test.each(['iso9660', 'vfat'] as const)('says in %s all that was told at the boot', async (format) => {
    const { id } = await fetched(format);

    const read: unknown = JSON.parse(
      await cloudInit.exec(['python3', '/opt/hallmark/read_config_drive.py', `/${format}`]),
    );

    expect(read).toMatchObject({
      version: 2,
      userdata: USER_DATA,
      networkdata: JSON.parse(NETWORK_DATA) as unknown,
      vendordata: { 'cloud-init': '#cloud-config\npackages: [ntp]\n' },
      vendordata2: { 'cloud-init': '#cloud-config\ntimezone: UTC\n', cmdb: { asset: 7 } },
      files: { '/etc/motd': 'welcome\n' },
      'ec2-metadata': { 'instance-id': expect.stringMatching(/^i-[\da-f]{8}$/) },
      metadata: {
        'instance-id': id,
        name: 'Größe 1',
        meta: { role: 'mail' },
        admin_pass: 'sesame-42',
        project_id: PROJECT,
        public_keys: { ops: 'ssh-ed25519 AAAA ops' },
      },
    });
  });

  test('is found by its label and mounted by a Linux kernel, as a disk and as a CD-ROM', async () => {
    const iso9660 = await fetched('iso9660');
    const vfat = await fetched('vfat');
    await using guest = await LinuxGuest.start();

    const seen = await guest.boot(
      { bus: 'disk', bytes: iso9660.bytes },
      { bus: 'disk', bytes: vfat.bytes },
      { bus: 'cdrom', bytes: iso9660.bytes },
    );

    const { '/dev/vda': disk, '/dev/vdb': fatDisk, '/dev/sr0': cdrom } = seen;
    expect(Object.keys(seen)).toHaveLength(3);
    expect([disk?.type, fatDisk?.type]).toEqual(['iso9660', 'vfat']);
    expect(cdrom).toEqual(disk);
    // What cloud-init's tests above read, the kernel reads: every file, with Rock Ridge, Joliet and long names.
    const onIso9660 = await digests(cloudInit, '/iso9660');
    expect(disk?.mounts['ro,sync']?.digests).toEqual(onIso9660);
    expect(disk?.mounts['ro,norock']?.digests).toEqual(onIso9660);
    expect(fatDisk?.mounts['ro,sync']?.digests).toEqual(await digests(cloudInit, '/vfat'));
    // Without both, names are what Nova's tool makes of them.
    const plainNames = Object.entries(onIso9660).map(([path, digest]) => [path.replaceAll('-', '_'), digest]);
    expect(disk?.mounts['ro,norock,nojoliet']?.digests).toEqual(Object.fromEntries(plainNames));

    const told = {
      'ec2/latest/user-data': sha256(USER_DATA),
      'openstack/2025-04-04/user_data': sha256(USER_DATA),
      'openstack/latest/network_data.json': sha256(NETWORK_DATA),
      'openstack/latest/vendor_data.json': sha256(VENDOR_DATA),
      'openstack/2025-04-04/vendor_data2.json': sha256(VENDOR_DATA2),
      'openstack/content/0000': sha256('welcome\n'),
      'openstack/content/0001': sha256(BLOB),
    };
    for (const drive of [disk, fatDisk]) {
      expect(drive?.mounts['ro,sync']).toMatchObject({
        sizes: { 'openstack/content/0001': BLOB.length },
        digests: told,
      });
    }
  }, 240_000);
});
