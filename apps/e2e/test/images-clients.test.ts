import { createHash } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import {
  Container,
  describeWithDocker,
  HOST_FROM_CONTAINERS,
  startFakeKeystone,
  startFakeTarget,
  usePostgres,
  waitFor,
  type FakeKeystone,
  type FakeTarget,
} from '@hallmark/testing';
import { House, keystoneConfig } from './house.ts';

jest.setTimeout(600_000);

const DATA = Buffer.alloc(300_000, 'an image of no operating system ');
const MD5 = createHash('md5').update(DATA).digest('hex');
const MARK = 'hallmark_origin';

describeWithDocker('OpenStack clients take Hallmark for Glance', () => {
  const postgres = usePostgres();
  let keystone: FakeKeystone;
  let mirror: FakeTarget;
  let directory: string;
  let house: House;
  let client: Container;
  let other = '';

  beforeAll(async () => {
    keystone = await startFakeKeystone({
      users: [
        { name: 'hallmark', password: 'hallmark-secret', projects: { service: ['service'] } },
        { name: 'alice', password: 'alice-secret', projects: { demo: ['member', 'reader'] } },
        { name: 'dave', password: 'dave-secret', projects: { other: ['member', 'reader'] } },
        { name: 'olga', password: 'olga-secret', projects: { operators: ['admin', 'member', 'reader'] } },
      ],
    });
    mirror = await startFakeTarget({ body: DATA });
    directory = await mkdtemp(join(tmpdir(), 'hallmark-images-'));
    await chmod(directory, 0o700);
    house = await House.start({
      config: `${keystoneConfig(keystone.url, 'hallmark-secret')}
[DEFAULT]
node_staging_uri = file://${directory}/staging/
enabled_backends = fast:file, slow:file
[glance_store]
default_backend = fast
[fast]
filesystem_store_datadir = ${directory}/fast
[slow]
filesystem_store_datadir = ${directory}/slow
[postgres]
url = ${await postgres.current.createDatabase()}
[images]
download_allowed_networks = 127.0.0.0/8
[import_filtering_opts]
allowed_ports = []
[inject_metadata_properties]
ignore_user_roles = admin
inject = {"${MARK}": "import-gw", "trait:CUSTOM_USER_IMAGES": "required"}
`,
      replicas: { images: 1 },
      novaHost: '0.0.0.0',
    });
    client = await Container.start({
      image: 'openstackclient',
      ports: [],
      ready: async (container) => container.exec(['true']),
    });
    await client.put('/work/image.raw', DATA);
    other = String((await createEmpty('dave', {}))['owner']);
  });
  afterAll(async () => {
    await client[Symbol.asyncDispose]();
    await house[Symbol.asyncDispose]();
    await mirror[Symbol.asyncDispose]();
    await keystone[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  /** A request as OpenStack's services make them. */
  async function ask(
    user: string,
    method: string,
    path: string,
    body?: string | Buffer,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly status: number; readonly document: Record<string, unknown> }> {
    const { status, text } = await house.image(path, {
      ...{ token: keystone.issue({ user }), method, headers, body },
    });
    return { status, document: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) };
  }

  /** An image without data: the clients take what they find at their standard input for it. */
  async function createEmpty(
    user: string,
    image: Readonly<Record<string, string>>,
  ): Promise<Record<string, unknown>> {
    return (await ask(user, 'POST', '/v2/images', JSON.stringify(image))).document;
  }

  const url = (): string => `http://${HOST_FROM_CONTAINERS}:${house.one('gateway').imagePort}`;

  /** A command of the one client, by this user. */
  async function openstack(user: string, ...words: string[]): Promise<string> {
    const token = keystone.issue({ user });
    // A login without a catalog is told the version too.
    const login = ['--os-auth-type', 'admin_token', '--os-endpoint', `${url()}/v2`, '--os-token', token];
    return client.exec(['openstack', ...login, ...words]);
  }

  /** A command of the older one. */
  async function glance(user: string, ...words: string[]): Promise<string> {
    // It asks no Keystone for a token that it has, but keeps the schema of an image by the address of one. One that
    // it keeps without makes two options of the same name.
    const login = ['--os-auth-url', 'http://keystone.example.test', '--os-image-url', url()];
    login.push('--os-auth-token', keystone.issue({ user }));
    // At a terminal, so that it does not take its standard input for an image.
    const command = ['glance', ...login, ...words].map((word) => `'${word}'`).join(' ');
    return client.exec(['script', '--quiet', '--return', '--command', command, '/dev/null']);
  }

  /** The image of this name, when its import has made it active. */
  async function imported(user: string, name: string): Promise<Record<string, unknown>> {
    return await waitFor(
      `${name} to be active`,
      async () => {
        const image = await show(user, name);
        return image['status'] === 'active' && image;
      },
      60_000,
    );
  }

  async function show(user: string, name: string): Promise<Record<string, unknown>> {
    return JSON.parse(await openstack(user, 'image', 'show', '-f', 'json', name)) as Record<string, unknown>;
  }

  async function create(name: string, ...words: string[]): Promise<Record<string, unknown>> {
    const formats = ['--disk-format', 'raw', '--container-format', 'bare'];
    const told = await openstack('alice', 'image', 'create', '-f', 'json', ...formats, ...words, name);
    return JSON.parse(told) as Record<string, unknown>;
  }

  test('an image is created with its data, shown, listed, saved and deleted', async () => {
    const created = await create('whole', '--file', '/work/image.raw', '--property', 'colour=red');
    expect(created).toMatchObject({ name: 'whole' });
    // What the client prints after an upload is the image before it.
    expect(await show('alice', 'whole')).toMatchObject({
      status: 'active',
      size: DATA.length,
      checksum: MD5,
      properties: { colour: 'red' },
    });
    expect(await openstack('alice', 'image', 'list', '-f', 'value', '-c', 'Name')).toContain('whole');
    await openstack('alice', 'image', 'save', '--file', '/work/saved.raw', 'whole');
    expect(await client.exec(['md5sum', '/work/saved.raw'])).toContain(MD5);
    await openstack('alice', 'image', 'delete', 'whole');
    await expect(show('alice', 'whole')).rejects.toThrow(/No Image found for whole|could not be found/i);
  });

  test('properties and tags are set and unset', async () => {
    await create('marked');
    await openstack(
      'alice',
      'image',
      'set',
      '--property',
      'colour=red',
      '--tag',
      'one',
      '--tag',
      'two',
      'marked',
    );
    expect(await show('alice', 'marked')).toMatchObject({
      tags: expect.arrayContaining(['one', 'two']),
      properties: { colour: 'red' },
    });
    await openstack('alice', 'image', 'unset', '--property', 'colour', '--tag', 'one', 'marked');
    const { tags, properties } = await show('alice', 'marked');
    expect(tags).toEqual(['two']);
    expect(properties).not.toHaveProperty('colour');
  });

  test('a protected image stays', async () => {
    await create('kept', '--protected');
    await expect(openstack('alice', 'image', 'delete', 'kept')).rejects.toThrow(
      /is protected and cannot be deleted/,
    );
    await openstack('alice', 'image', 'set', '--unprotected', 'kept');
    await openstack('alice', 'image', 'delete', 'kept');
  });

  test('an image is shared with a project that accepts it', async () => {
    const { id } = await create('shared', '--shared');
    const image = String(id);
    await openstack('alice', 'image', 'add', 'project', image, other);
    expect(await openstack('alice', 'image', 'member', 'list', '-f', 'value', image)).toContain('pending');
    await glance('dave', 'member-update', image, other, 'accepted');
    expect(await openstack('dave', 'image', 'list', '--shared', '-f', 'value', '-c', 'Name')).toContain(
      'shared',
    );
    await glance('alice', 'member-delete', image, other);
    await expect(show('dave', image)).rejects.toThrow();
  });

  test('the older client stages, imports and downloads', async () => {
    const { id } = await createEmpty('alice', { disk_format: 'raw', container_format: 'bare' });
    const image = String(id);
    await glance('alice', 'image-stage', '--file', '/work/image.raw', image);
    await glance('alice', 'image-import', '--import-method', 'glance-direct', image);
    await imported('alice', image);
    await glance('alice', 'image-download', '--file', '/work/imported.raw', image);
    expect(await client.exec(['md5sum', '/work/imported.raw'])).toContain(MD5);
    expect(await glance('alice', 'task-list').catch(String)).toMatch(/not authorized/);
    expect(await glance('alice', 'image-tasks', image)).toContain('success');
  });

  const MARKS = { [MARK]: 'import-gw', 'trait:CUSTOM_USER_IMAGES': 'required' };
  const formats = ['--disk-format', 'raw', '--container-format', 'bare'];

  test("a member's import gets the marks, which the member cannot change", async () => {
    await create('marked-member', '--import', '--file', '/work/image.raw', '--property', `${MARK}=forged`);
    const image = await imported('alice', 'marked-member');
    expect(image).toMatchObject({ checksum: MD5, properties: MARKS });
    // What the newer client makes of a refusal of a change is its status alone, from Glance too.
    const set = ['image', 'set', '--property', `${MARK}=x`, 'marked-member'];
    await expect(openstack('alice', ...set)).rejects.toThrow(/403: .*Forbidden/);
    // The older one shows what it is told, as it is escaped in HTML.
    const told = `403 Forbidden: Attribute &#x27;${MARK}&#x27; is reserved.`;
    for (const change of [
      ['--property', `${MARK}=x`],
      ['--remove-property', MARK],
    ])
      await expect(glance('alice', 'image-update', ...change, String(image['id']))).rejects.toThrow(told);
    await openstack('olga', 'image', 'set', '--property', `${MARK}=by hand`, String(image['id']));
    expect(await show('alice', 'marked-member')).toMatchObject({ properties: { [MARK]: 'by hand' } });
  });

  test("an administrator's does not", async () => {
    await glance(
      ...['olga', 'image-create-via-import', '--name', 'unmarked', ...formats, '--file', '/work/image.raw'],
    );
    const { properties } = await imported('olga', 'unmarked');
    expect(properties).not.toHaveProperty(MARK);
    expect(await glance('olga', 'image-show', String((await show('olga', 'unmarked'))['id']))).not.toContain(
      MARK,
    );
  });

  test('the older client imports at its creation, from a file and from the web, and copies', async () => {
    const create = ['image-create-via-import', ...formats, '--name'];
    await glance('alice', ...create, 'of-a-file', '--file', '/work/image.raw', '--stores', 'fast,slow');
    expect(await imported('alice', 'of-a-file')).toMatchObject({
      checksum: MD5,
      properties: { ...MARKS, stores: 'fast,slow' },
    });
    const web = ['--import-method', 'web-download', '--uri', `${mirror.url}disk.raw`];
    await glance('alice', ...create, 'of-the-web', ...web);
    const { id, checksum } = await imported('alice', 'of-the-web');
    const image = String(id);
    expect(checksum).toBe(MD5);
    expect(await glance('alice', 'image-show', image)).toMatch(
      /hallmark_origin +\| import-gw +\|[^]*trait:CUSTOM_USER_IMAGES +\| required/,
    );
    const copy = ['image-import', '--import-method', 'copy-image', '--stores', 'slow', image];
    await expect(glance('alice', ...copy)).rejects.toThrow(/copy_image/);
    await glance('olga', ...copy);
    await waitFor(
      'the copy',
      async () =>
        ((await show('alice', image))['properties'] as Record<string, unknown>)['stores'] === 'fast,slow',
      60_000,
    );
  });

  test('what a volume carries back is taken without the marks from members, with them from administrators', async () => {
    // What Cinder keeps in volume_image_metadata of an image, without what it leaves out of an upload.
    const carried = {
      ...MARKS,
      architecture: 'x86_64',
      hw_disk_bus: 'scsi',
      os_distro: 'debian',
      block_device_mapping: '[{"boot_index": 0, "device_name": "/dev/vda"}]',
      mappings: '[{"device": "sda1", "virtual": "ami"}]',
    };
    const body = JSON.stringify({
      ...carried,
      ...{ name: 'of-a-volume', disk_format: 'raw', container_format: 'bare', visibility: 'private' },
      protected: false,
    });
    for (const user of ['alice', 'olga']) {
      const { status, document } = await ask(user, 'POST', '/v2/images', body);
      expect(status).toBe(201);
      const octets = { 'content-type': 'application/octet-stream' };
      const path = `/v2/images/${String(document['id'])}`;
      expect((await ask(user, 'PUT', `${path}/file`, DATA, octets)).status).toBe(204);
      const { document: image } = await ask(user, 'GET', path);
      const { [MARK]: mark, 'trait:CUSTOM_USER_IMAGES': trait, ...others } = carried;
      expect(image).toMatchObject({ ...others, status: 'active', checksum: MD5 });
      expect([image[MARK], image['trait:CUSTOM_USER_IMAGES']]).toEqual(
        user === 'olga' ? [mark, trait] : [undefined, undefined],
      );
    }
  });

  test('data that is not what it is called is refused, and its user is told why', async () => {
    const asQcow2 = ['--disk-format', 'qcow2', '--container-format', 'bare'];
    await expect(
      openstack('alice', 'image', 'create', ...asQcow2, '--file', '/work/image.raw', 'no-qcow2'),
    ).rejects.toThrow(/415: .*Unsupported Media Type/s);
    const { id } = await createEmpty('alice', { disk_format: 'qcow2', container_format: 'bare' });
    const image = String(id);
    await expect(glance('alice', 'image-upload', '--file', '/work/image.raw', image)).rejects.toThrow(
      /415 .*Content does not match expected format/s,
    );
    expect(await show('alice', image)).toMatchObject({ status: 'queued' });
  });
});
