import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Container, describeWithDocker, usePostgres } from '@hallmark/testing';
import { DriveHouse } from './drive-house.ts';
import { FakeVendordata } from './fake-vendordata.ts';
import { PROJECT } from './house.ts';

// A drive as a guest has it: built by the service, fetched from it, and read by cloud-init's own code.

describeWithDocker('a config drive in a guest', () => {
  const pg = usePostgres();
  let guest: Container;
  let vendordataService: FakeVendordata;

  beforeAll(async () => {
    vendordataService = await FakeVendordata.start();
    vendordataService.vendorData = '{"cloud-init": "#cloud-config\\npackages: [ntp]\\n"}';
    vendordataService.vendorData2 =
      '{"cloud-init": "#cloud-config\\ntimezone: UTC\\n", "cmdb": {"asset": 7}}';
    guest = await Container.start({
      image: 'cloud-init',
      ports: [],
      ready: (started) => started.exec(['cloud-init', '--version']),
    });
  }, 240_000);
  afterAll(async () => {
    await guest[Symbol.asyncDispose]();
    await vendordataService[Symbol.asyncDispose]();
  });

  const mounted = {
    iso9660: 'xorriso -osirrox on -indev /drive -extract / /iso9660 2>&1',
    vfat: 'mkdir /vfat && mcopy -s -i /drive ::/ec2 ::/openstack /vfat',
  };

  test.each(['iso9660', 'vfat'] as const)('says in %s all that was told at the boot', async (format) => {
    await using house = await DriveHouse.open({
      database: await pg.current.createDatabase(),
      vendordata: vendordataService,
      ini: `[DEFAULT]\nconfig_drive_format = ${format}\n`,
    });
    const { id } = await house.boot({
      boot: {
        name: 'Größe 1',
        userData: Buffer.from('#!/bin/sh\necho hello\n').toString('base64'),
        metadata: [{ key: 'role', value: 'mail' }],
        keypair: { name: 'ops', type: 'ssh', publicKey: 'ssh-ed25519 AAAA ops' },
        networkData: Buffer.from('{"links": [], "networks": [], "services": []}'),
        personality: [{ path: '/etc/motd', contents: Buffer.from('welcome\n') }],
        adminPass: 'sesame-42',
      },
    });
    await house.built(id);
    await guest.put('/drive', (await house.download(id)).bytes);
    await guest.exec(['sh', '-c', mounted[format]]);

    const read: unknown = JSON.parse(
      await guest.exec(['python3', '/opt/hallmark/read_config_drive.py', `/${format}`]),
    );

    expect(read).toMatchObject({
      version: 2,
      userdata: '#!/bin/sh\necho hello\n',
      networkdata: { links: [], networks: [], services: [] },
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
});
