import { describe, expect, test } from '@jest/globals';
import { instances } from '@hallmark/contracts';
import { usePostgres } from '@hallmark/testing';
import { bootRequest, call, House, IMAGE, OTHER_PROJECT, PROJECT, USER } from './house.ts';

const { InstanceStatus: Status } = instances;
const ID = '2ae914e9-f5ab-44ce-b2a2-dcf8373d899d';
const NOBODY = '00000000-0000-4000-8000-000000000000';

const pg = usePostgres();
const openHouse = async (ini = ''): Promise<House> =>
  await House.open({ database: await pg.current.createDatabase(), ini });

const idOf = (number: number): string => `2ae914e9-f5ab-44ce-b2a2-${number.toString(16).padStart(12, '0')}`;

describe('a boot', () => {
  test('is there at once, with what was told and what was left out', async () => {
    await using house = await openHouse();
    const boot = {
      availabilityZone: 'az1',
      launchIndex: 3,
      userData: 'IyEvYmluL3NoCg==',
      metadata: [
        { key: 'z', value: 'é' },
        { key: 'a', value: '' },
      ],
      keypair: { name: 'ops', type: '', publicKey: 'ssh-ed25519 AAAA' },
      networkData: Buffer.from('{"links": [12345678901234567890]}'),
      devices: Buffer.from('[{"type": "nic"}]'),
      dedicatedCpus: [1, 5],
      securityGroups: ['default'],
      fixedIpv4: '10.20.0.7',
      rootDevice: '/dev/vda',
      blockDevices: [{ name: 'ebs0', device: '/dev/vdb' }],
      personality: [{ path: '/etc/motd', contents: Buffer.from('hi') }],
      adminPass: 's3cr3t',
    };
    const instance = await house.boot({ boot, bootRoles: ['member', 'mail, operators'] });
    expect(instance).toMatchObject({
      projectId: PROJECT,
      userId: USER,
      hostname: 'mail-1',
      status: Status.ACTIVE,
      bootRoles: ['member', 'mail, operators'],
      boot: {
        ...boot,
        imageId: IMAGE,
        keypair: { ...boot.keypair, type: 'ssh' },
        // Secrets come back to nobody.
        userData: undefined,
        adminPass: '',
        personality: [{ path: '/etc/motd', contents: Buffer.alloc(0) }],
      },
    });
    expect(instance.boot?.reservationId).toMatch(/^r-[\da-z]{8}$/);
    expect(await house.get(instance.id)).toEqual(instance);
    expect(await house.get(instance.id, PROJECT)).toEqual(instance);
  });

  test('is refused with the name of what is wrong', async () => {
    await using house = await openHouse();
    await expect(house.boot({ boot: { name: '' } })).rejects.toMatchObject({
      code: 'invalid',
      reason: 'INSTANCE_INVALID',
      message: 'name has 0 characters, 1 to 255 are allowed.',
    });
    await expect(house.boot({ idempotencyKey: 'a b' })).rejects.toMatchObject({ reason: 'INSTANCE_INVALID' });
    expect(await house.rows('SELECT id FROM instances')).toEqual([]);
  });

  test('with a config drive waits for it to be built', async () => {
    await using house = await openHouse('[DEFAULT]\nforce_config_drive = true\n');
    const { id, status } = await house.boot();
    expect(status).toBe(Status.BUILD);
    expect(await house.rows('SELECT instance_id FROM builds')).toEqual([{ instance_id: id }]);
  });

  test('has one winner among many with one id, at any replica', async () => {
    const database = await pg.current.createDatabase();
    await using first = await House.open({ database });
    await using second = await House.open({ database });
    const boots = Array.from({ length: 20 }, (_, index) =>
      (index % 2 === 0 ? first : second).boot({ boot: { id: ID, name: `boot ${index}` } }),
    );
    const results = await Promise.allSettled(boots);
    const taken = results.filter((result) => result.status === 'fulfilled');
    expect(taken).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') {
        expect(result.reason).toMatchObject({ code: 'conflict', reason: 'INSTANCE_EXISTS' });
      }
    }
    expect(await first.get(ID)).toEqual(taken[0]?.value);
  });

  test('has an id that a deleted instance keeps until its retention is over', async () => {
    await using house = await openHouse();
    await house.boot({ boot: { id: ID } });
    await house.client.deleteInstance({ id: ID, projectId: '' }, call());
    await expect(house.boot({ boot: { id: ID } })).rejects.toMatchObject({ reason: 'INSTANCE_EXISTS' });
  });

  test('counts instances and images for EC2, each image once', async () => {
    await using house = await openHouse();
    const kernelId = idOf(1);
    const boots = Array.from({ length: 8 }, () => house.boot({ boot: { kernelId } }));
    await Promise.all(boots);
    await house.boot({ boot: { imageId: '' } });
    const rows = await house.rows(
      'SELECT ec2_number, ec2_image, ec2_kernel FROM instances ORDER BY ec2_number',
    );
    expect(rows.map((row) => row['ec2_number'])).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(
      new Set(rows.slice(0, 8).map((row) => `${String(row['ec2_image'])} ${String(row['ec2_kernel'])}`)).size,
    ).toBe(1);
    expect(rows.at(-1)).toMatchObject({ ec2_image: null, ec2_kernel: null });
  });
});

describe('a repeated boot', () => {
  test('gives the instance as it now is', async () => {
    await using house = await openHouse();
    const first = await house.boot({ idempotencyKey: 'key-1' });
    const metadata = [{ key: 'a', value: '1' }];
    await house.client.updateMetadata({ id: first.id, projectId: '', metadata }, call());
    // By another token of the same user.
    const again = await house.boot({ idempotencyKey: 'key-1', bootRoles: ['reader'] });
    expect(again).toMatchObject({ id: first.id, bootRoles: ['member', 'reader'], boot: { metadata } });
    await house.client.deleteInstance({ id: first.id, projectId: '' }, call());
    expect(await house.boot({ idempotencyKey: 'key-1' })).toMatchObject({
      id: first.id,
      status: Status.DELETED,
    });
  });

  test('of another request is refused, of another project is another boot', async () => {
    await using house = await openHouse();
    const first = await house.boot({ idempotencyKey: 'key-1' });
    await expect(house.boot({ idempotencyKey: 'key-1', boot: { name: 'other' } })).rejects.toMatchObject({
      code: 'conflict',
      reason: 'IDEMPOTENCY_KEY_REUSED',
    });
    const other = await house.boot({ idempotencyKey: 'key-1', projectId: OTHER_PROJECT });
    expect(other.id).not.toBe(first.id);
  });

  test('is one boot when many come at once', async () => {
    const database = await pg.current.createDatabase();
    await using first = await House.open({ database });
    await using second = await House.open({ database });
    const booted = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 === 0 ? first : second).boot({ idempotencyKey: 'key-1' }),
      ),
    );
    expect(new Set(booted.map(({ id }) => id)).size).toBe(1);
    expect(await first.rows('SELECT id FROM instances')).toHaveLength(1);
  });

  test('takes a key anew after a day', async () => {
    await using house = await openHouse();
    const first = await house.boot({ idempotencyKey: 'key-1' });
    await house.rows(`UPDATE idempotency_keys SET created_at = now() - interval '25 hours'`);
    expect((await house.boot({ idempotencyKey: 'key-1' })).id).not.toBe(first.id);
  });

  test('may try again with a key whose boot was refused', async () => {
    await using house = await openHouse();
    await house.boot({ boot: { id: ID } });
    const request = { idempotencyKey: 'key-1', boot: { id: ID } };
    await expect(house.boot(request)).rejects.toMatchObject({ reason: 'INSTANCE_EXISTS' });
    await expect(house.boot(request)).rejects.toMatchObject({ reason: 'INSTANCE_EXISTS' });
  });
});

describe('boot roles', () => {
  test('stay as they were at the boot, whatever happens', async () => {
    const database = await pg.current.createDatabase();
    const roles = ['member', 'a, b', 'r'.repeat(255), ...Array.from({ length: 50 }, (_, n) => `role-${n}`)];
    {
      await using house = await House.open({ database });
      await house.boot({ boot: { id: ID }, bootRoles: roles });
      await house.client.updateMetadata({ id: ID, projectId: '', metadata: [] }, call());
      await house.client.setPassword({ id: ID, password: Buffer.from('x') }, call());
      await house.client.rebuildInstance({ ...REBUILD, id: ID }, call());
      await expect(house.boot({ boot: { id: ID }, bootRoles: ['admin'] })).rejects.toThrow();
    }
    await using restarted = await House.open({ database });
    expect((await restarted.get(ID)).bootRoles).toEqual(roles);
    const { vendordataRequest } = await restarted.metadata(ID);
    expect(JSON.parse(vendordataRequest.toString())).toMatchObject({ 'boot-roles': roles.join(',') });
  });

  test.each([
    `boot_roles = '{admin}'`,
    `project_id = '${OTHER_PROJECT}'`,
    `user_id = 'mallory'`,
    `id = '${NOBODY}'`,
  ])('cannot be changed past us: %s', async (change) => {
    await using house = await openHouse();
    await house.boot();
    await expect(house.rows(`UPDATE instances SET ${change}`)).rejects.toThrow('never changes');
  });
});

const REBUILD = { projectId: '', imageId: idOf(7) };

describe('metadata', () => {
  test('is replaced whole, in order, and shown to the guest', async () => {
    await using house = await openHouse();
    const { id } = await house.boot({ boot: { metadata: [{ key: 'old', value: '1' }] } });
    const metadata = [
      { key: 'z', value: '1' },
      { key: 'a', value: '2' },
    ];
    const { instance } = await house.client.updateMetadata({ id, projectId: PROJECT, metadata }, call());
    expect(instance?.boot?.metadata).toEqual(metadata);
    expect(await house.document(id, 'meta_data.json')).toContain('"meta": {"z": "1", "a": "2"}');
    const faulty = [{ key: '', value: '' }];
    await expect(
      house.client.updateMetadata({ id, projectId: '', metadata: faulty }, call()),
    ).rejects.toMatchObject({
      reason: 'INSTANCE_INVALID',
      message: expect.stringContaining('metadata[0].key'),
    });
  });
});

describe('a rebuild', () => {
  test('takes the image and what is given, keeps the rest, and forgets the password', async () => {
    await using house = await openHouse();
    const keypair = { name: 'ops', type: 'ssh', publicKey: 'ssh-ed25519 AAAA' };
    const boot = {
      id: ID,
      kernelId: idOf(1),
      userData: 'YQ==',
      keypair,
      metadata: [{ key: 'a', value: '1' }],
    };
    await house.boot({ boot });
    await house.client.setPassword({ id: ID, password: Buffer.from('old') }, call());
    const { instance } = await house.client.rebuildInstance({ ...REBUILD, id: ID }, call());
    expect(instance).toMatchObject({
      status: Status.ACTIVE,
      boot: { imageId: REBUILD.imageId, kernelId: '', keypair, metadata: boot.metadata },
    });
    expect(await house.document(ID, 'user_data')).toBe('a');
    expect(await house.document(ID, 'password')).toBe('');
    await house.client.rebuildInstance(
      { ...REBUILD, id: ID, userData: '', metadata: { items: [] }, keypair: { ...keypair, name: 'new' } },
      call(),
    );
    expect(await house.get(ID)).toMatchObject({ boot: { keypair: { name: 'new' }, metadata: [] } });
    await expect(house.document(ID, 'user_data')).rejects.toThrow();
  });

  test('builds the config drive anew, and waits its turn', async () => {
    await using house = await openHouse();
    await house.boot({ boot: { id: ID, configDrive: true } });
    const rebuild = () => house.client.rebuildInstance({ ...REBUILD, id: ID }, call());
    await expect(rebuild()).rejects.toMatchObject({ code: 'not-ready', reason: 'INSTANCE_BUSY' });
    await built(house, ID);
    expect((await house.get(ID)).configDrive).toMatchObject({ format: 'iso9660', size: 3 });
    expect((await rebuild()).instance).toMatchObject({ status: Status.BUILD, configDrive: undefined });
    expect(await house.rows('SELECT instance_id FROM builds')).toHaveLength(1);
  });

  test('mends an instance in ERROR', async () => {
    await using house = await openHouse();
    await house.boot({ boot: { id: ID } });
    await house.rows(
      `UPDATE instances SET status = 'ERROR', fault_reason = 'X', fault_message = 'No.', fault_at = now()`,
    );
    expect(await house.get(ID)).toMatchObject({
      status: Status.ERROR,
      fault: { reason: 'X', message: 'No.' },
    });
    const { instance } = await house.client.rebuildInstance({ ...REBUILD, id: ID }, call());
    expect(instance).toMatchObject({ status: Status.ACTIVE, fault: undefined });
  });
});

describe('a deleted instance', () => {
  test('is unknown to all, and its secrets are gone at once', async () => {
    await using house = await openHouse();
    const boot = {
      id: ID,
      userData: 'YQ==',
      adminPass: 's3cr3t',
      personality: [{ path: '/etc/motd', contents: Buffer.from('hi') }],
      configDrive: true,
    };
    await house.boot({ boot });
    await house.client.setPassword({ id: ID, password: Buffer.from('x') }, call());
    await built(house, ID);
    const remove = () => house.client.deleteInstance({ id: ID, projectId: PROJECT }, call());
    await remove();
    await remove();
    expect(
      await house.rows('SELECT user_data, admin_pass, password, personality_contents, status FROM instances'),
    ).toEqual([
      { user_data: null, admin_pass: null, password: null, personality_contents: [], status: 'DELETED' },
    ]);
    expect(await house.rows('SELECT instance_id FROM config_drives')).toEqual([]);
    await expectUnknown(house, ID);
    const page = await house.client.listInstances({ ...LIST, limit: 10 }, call());
    expect(page.instances).toEqual([]);
  });

  test('is swept after its retention, and with it its work', async () => {
    await using house = await openHouse('[instances]\ndeleted_retention = 0\n');
    await house.boot({ boot: { id: ID, configDrive: true }, idempotencyKey: 'key-1' });
    await house.client.deleteInstance({ id: ID, projectId: '' }, call());
    for (;;) if ((await house.rows('SELECT id FROM instances')).length === 0) break;
    expect(await house.rows('SELECT key FROM idempotency_keys')).toEqual([]);
    await expect(house.client.deleteInstance({ id: ID, projectId: '' }, call())).rejects.toMatchObject({
      reason: 'INSTANCE_UNKNOWN',
    });
    expect((await house.boot({ boot: { id: ID } })).id).toBe(ID);
  });
});

const LIST = { projectId: '', marker: '', limit: 1000, status: Status.UNSPECIFIED };

describe('what names no instance of the caller', () => {
  test.each([
    ['nobody', NOBODY],
    ['no UUID', "'; DROP TABLE instances"],
    ['upper case', ID.toUpperCase()],
  ])('is unknown: %s', async (_, id) => {
    await using house = await openHouse();
    await house.boot({ boot: { id: ID } });
    await expectUnknown(house, id);
  });

  test('is unknown to another project, and stays as it is', async () => {
    await using house = await openHouse();
    const instance = await house.boot({ boot: { id: ID } });
    await expectUnknown(house, ID, OTHER_PROJECT);
    expect(await house.get(ID)).toEqual(instance);
  });
});

/** Every method that takes the id says the same. */
async function expectUnknown(house: House, id: string, projectId = ''): Promise<void> {
  const { client } = house;
  const calls = [
    () => client.getInstance({ id, projectId, wait: { seconds: 1, nanos: 0 } }, call()),
    () => client.updateMetadata({ id, projectId, metadata: [] }, call()),
    () => client.rebuildInstance({ ...REBUILD, id, projectId }, call()),
    () => client.openConfigDrive({ id, projectId }, call()),
    // The others know no project.
    ...(projectId === ''
      ? [
          () => client.getMetadata({ id }, call()),
          () => client.setPassword({ id, password: Buffer.from('x') }, call()),
          () => client.setPassword({ id, password: Buffer.alloc(0) }, call()),
        ]
      : [() => client.deleteInstance({ id, projectId }, call())]),
  ];
  for (const ask of calls) {
    await expect(ask()).rejects.toMatchObject({ code: 'not-found', reason: 'INSTANCE_UNKNOWN' });
  }
}

/** As the worker does it when it has built a drive. */
async function built(house: House, id: string): Promise<void> {
  await house.rows(
    `WITH done AS (DELETE FROM builds WHERE instance_id = $1), active AS (UPDATE instances SET status = 'ACTIVE' WHERE id = $1)
     INSERT INTO config_drives (instance_id, format, size, sha256, short_lived_targets, frozen)
     VALUES ($1, 'iso9660', 3, 'abc', '{}', '\\x00') ON CONFLICT DO NOTHING`,
    [id],
  );
}

test('a boot without anything is refused', async () => {
  await using house = await openHouse();
  await expect(
    house.client.createInstance({ ...bootRequest(), boot: undefined }, call()),
  ).rejects.toMatchObject({ reason: 'INSTANCE_INVALID' });
});
