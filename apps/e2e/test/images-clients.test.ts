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
  usePostgres,
  waitFor,
  type FakeKeystone,
} from '@hallmark/testing';
import { House, keystoneConfig } from './house.ts';

jest.setTimeout(600_000);

const DATA = Buffer.alloc(300_000, 'an image of no operating system ');
const MD5 = createHash('md5').update(DATA).digest('hex');

describeWithDocker('OpenStack clients take Hallmark for Glance', () => {
  const postgres = usePostgres();
  let keystone: FakeKeystone;
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
      ],
    });
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
    await keystone[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  /** An image without data: the clients take what they find at their standard input for it. */
  async function createEmpty(
    user: string,
    image: Readonly<Record<string, string>>,
  ): Promise<Record<string, unknown>> {
    const answer = await fetch(`http://127.0.0.1:${house.one('gateway').imagePort}/v2/images`, {
      method: 'POST',
      headers: { 'x-auth-token': keystone.issue({ user }) },
      body: JSON.stringify(image),
    });
    return (await answer.json()) as Record<string, unknown>;
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
    return client.exec(['glance', ...login, ...words]);
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
    await waitFor('the import', async () => (await show('alice', image))['status'] === 'active', 60_000);
    await glance('alice', 'image-download', '--file', '/work/imported.raw', image);
    expect(await client.exec(['md5sum', '/work/imported.raw'])).toContain(MD5);
    expect(await glance('alice', 'task-list').catch(String)).toMatch(/not authorized/);
    expect(await glance('alice', 'image-tasks', image)).toContain('success');
  });
});
