import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { usePostgres } from '@hallmark/testing';
import {
  admin,
  alice,
  bytes,
  call,
  carol,
  dave,
  DEMO,
  failure,
  House,
  OTHER,
  parsed,
  type Json,
} from './house.ts';

const postgres = usePostgres();
let house: House;
let directory: string;

const PROTECTIONS = `[^hidden_]
create = admin
read = admin
update = admin
delete = admin

[.*]
create = @
read = @
update = @
delete = @
`;
const ini = (): string => `
[DEFAULT]
image_property_quota = 8
image_tag_quota = 3
image_member_quota = 2
enabled_backends = fast:file, slow:file
property_protection_file = ${join(directory, 'property-protections.conf')}
[glance_store]
default_backend = fast
[fast]
store_description = fast file store
filesystem_store_datadir = ${directory}
[inject_metadata_properties]
inject = {"hallmark_origin": "import-gw", "trait:CUSTOM_USER_IMAGES": "required"}
`;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hallmark-images-'));
  await writeFile(join(directory, 'property-protections.conf'), PROTECTIONS);
  house = await House.open({ database: await postgres.current.createDatabase(), ini: ini() });
});
afterAll(async () => {
  await house[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

describe('Create', () => {
  test('gives the representation in the order of Glance', async () => {
    const image = await house.create({
      name: 'a1',
      container_format: 'bare',
      disk_format: 'raw',
      min_disk: 1,
      min_ram: 2,
      tags: ['t1', 't2', 't1'],
      custom: 'v',
      visibility: 'private',
    });
    const { id, created_at: time } = image;
    expect(Object.entries(image)).toEqual([
      ['custom', 'v'],
      ['name', 'a1'],
      ['disk_format', 'raw'],
      ['container_format', 'bare'],
      ['visibility', 'private'],
      ['size', null],
      ['virtual_size', null],
      ['status', 'queued'],
      ['checksum', null],
      ['protected', false],
      ['min_ram', 2],
      ['min_disk', 1],
      ['owner', DEMO],
      ['os_hidden', false],
      ['os_hash_algo', null],
      ['os_hash_value', null],
      ['id', expect.stringMatching(/^[0-9a-f-]{36}$/)],
      ['created_at', expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)],
      ['updated_at', time],
      ['tags', ['t1', 't2']],
      ['self', `/v2/images/${String(id)}`],
      ['file', `/v2/images/${String(id)}/file`],
      ['schema', '/v2/schemas/image'],
    ]);
  });

  test('an id is given once, whoever asks and even after its end', async () => {
    const id = '2ED09698-c01b-4b42-b407-006faa9b8e41';
    const refused = `conflict IMAGE_EXISTS Image ID ${id} already exists!`;
    await house.create({ id });
    expect(await failure(house.create({ id }))).toBe(refused);
    expect(await failure(house.create({ id }, dave))).toBe(refused);
    await house.client.deleteImage({ caller: alice, id }, call());
    expect(await failure(house.create({ id }))).toBe(refused);
  });

  test('names kept for injection are dropped for users and said, kept for ignored roles', async () => {
    const body = bytes({ hallmark_origin: 'mine', 'trait:CUSTOM_USER_IMAGES': 'no', other: '1' });
    const member = await house.client.createImage({ caller: alice, body }, call());
    expect(member.ignoredProperties).toEqual(['hallmark_origin', 'trait:CUSTOM_USER_IMAGES']);
    expect(member.importMethods).toEqual(['glance-direct', 'web-download', 'copy-image']);
    expect(member.storeIds).toEqual(['fast', 'slow']);
    const image = parsed(member.image?.json ?? Buffer.of());
    expect(image).not.toHaveProperty('hallmark_origin');
    expect(house.lines.map((line) => JSON.parse(line) as Json)).toContainEqual(
      expect.objectContaining({
        msg: 'properties kept for injection were dropped from a new image',
        imageId: image['id'],
        userId: 'alice',
        projectId: DEMO,
        ignored: ['hallmark_origin', 'trait:CUSTOM_USER_IMAGES'],
      }),
    );
    const operator = await house.client.createImage({ caller: admin, body }, call());
    expect(operator.ignoredProperties).toEqual([]);
    expect(parsed(operator.image?.json ?? Buffer.of())).toMatchObject({ hallmark_origin: 'mine' });
  });

  test('a volume carries back what its image had, without the marks for a user and with them for an operator', async () => {
    const marks = { hallmark_origin: 'import-gw', 'trait:CUSTOM_USER_IMAGES': 'required' };
    const kept = {
      os_distro: 'debian',
      hw_disk_bus: 'virtio',
      block_device_mapping: '[{"device_name": "/dev/vda"}]',
      signature_free: 'yes',
    };
    // What Cinder sends: the action's own members, and volume_image_metadata without Glance's core.
    const asked = { name: 'v', container_format: 'bare', disk_format: 'raw', visibility: 'private' };
    const body = { ...asked, protected: false, ...kept, ...marks };
    const own = await house.create(body);
    expect(own).toMatchObject({ ...asked, ...kept });
    expect(Object.keys(own).filter((name) => Object.hasOwn(marks, name))).toEqual([]);
    expect(await house.create(body, admin)).toMatchObject({ ...asked, ...kept, ...marks });
  });

  test('so does a snapshot, as Nova sends it', async () => {
    const snapshot = {
      name: 's',
      visibility: 'private',
      min_ram: 512,
      min_disk: 10,
      instance_uuid: 'c188ccaf-1e37-4f1b-a560-14d15bdd515b',
      user_id: 'alice',
      image_type: 'snapshot',
      base_image_ref: '7e2f9a44-58a1-4f0c-9d2b-1f0a6f0c2b11',
      owner_project_name: 'demo',
    };
    const made = await house.create({ ...snapshot, hallmark_origin: 'import-gw' });
    expect(made).toMatchObject({ ...snapshot, status: 'queued', disk_format: null });
    expect(made).not.toHaveProperty('hallmark_origin');
  });

  test.each([
    [
      'a reader',
      { name: 'x' },
      carol,
      'forbidden POLICY_REFUSED You are not authorized to complete add_image action.',
    ],
    [
      'a hidden name',
      { hidden_a: '1' },
      alice,
      "forbidden PROPERTY_PROTECTED Attribute 'hidden_a' is reserved.",
    ],
    [
      'a token for the system',
      {},
      { ...admin, systemScope: true },
      'forbidden TOKEN_SCOPE A token for the whole system is not accepted here; use one for a project.',
    ],
  ])('refuses %s', async (_, body, caller, text) => {
    expect(await failure(house.create(body, caller))).toBe(text);
  });
});

describe('Show and change', () => {
  test('who may not see an image is told that there is none', async () => {
    const id = await house.createId({});
    expect(await failure(house.get(id, dave))).toBe(`not-found IMAGE_UNKNOWN No image found with ID ${id}`);
    expect(await failure(house.get('nonsense\0'))).toMatch(/^not-found IMAGE_UNKNOWN/);
    expect(await failure(house.patch(id, [], carol))).toBe(
      'forbidden POLICY_REFUSED You are not authorized to complete modify_image action.',
    );
  });

  test('a save leaves alone what its user cannot read', async () => {
    const id = await house.createId({ hidden_a: 's', mine: '1', owner: DEMO }, admin);
    expect(await house.get(id)).not.toHaveProperty('hidden_a');
    await house.patch(id, [
      { op: 'replace', path: '/name', value: 'renamed' },
      { op: 'add', path: '/new', value: 'n' },
      { op: 'remove', path: '/mine' },
    ]);
    await house.client.addTag({ caller: alice, id, tag: 't' }, call());
    expect(await house.get(id, admin)).toMatchObject({
      hidden_a: 's',
      new: 'n',
      name: 'renamed',
      tags: ['t'],
    });
    expect(await house.get(id, admin)).not.toHaveProperty('mine');
  });

  test('a mark is for ignored roles to change', async () => {
    const id = await house.createId({ owner: DEMO, hallmark_origin: 'x' }, admin);
    const change = [{ op: 'replace', path: '/hallmark_origin', value: 'y' }];
    const refused = "forbidden PROPERTY_PROTECTED Attribute 'hallmark_origin' is reserved.";
    expect(await failure(house.patch(id, change))).toBe(refused);
    expect(await failure(house.patch(id, [{ op: 'remove', path: '/hallmark_origin' }]))).toBe(refused);
    expect(await failure(house.patch(await house.createId({}), [{ ...change[0], op: 'add' }]))).toBe(refused);
    expect(await house.patch(id, change, admin)).toMatchObject({ hallmark_origin: 'y' });
  });

  test('a refused operation voids the whole patch', async () => {
    const id = await house.createId({ name: 'before' });
    const operations = [
      { op: 'replace', path: '/name', value: 'after' },
      { op: 'remove', path: '/nope' },
    ];
    expect(await failure(house.patch(id, operations))).toBe(
      'conflict PROPERTY_UNKNOWN Property nope does not exist.',
    );
    expect(await house.get(id)).toMatchObject({ name: 'before' });
  });

  test('of a hundred that race for the last property, one gets it', async () => {
    const id = await house.createId(Object.fromEntries(Array.from({ length: 7 }, (_, n) => [`p${n}`, 'v'])));
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        failure(house.patch(id, [{ op: 'add', path: `/q${n}`, value: 'v' }])),
      ),
    );
    expect(outcomes.filter((outcome) => outcome === 'succeeded')).toHaveLength(1);
    expect(new Set(outcomes.filter((outcome) => outcome !== 'succeeded'))).toEqual(
      new Set([
        'over-quota PROPERTY_QUOTA The limit has been exceeded on the number of allowed image properties. Attempted: 9, Maximum: 8',
      ]),
    );
  });

  test('deactivated, an image can only be reactivated, and both can be repeated', async () => {
    const id = await house.createId({ disk_format: 'raw', container_format: 'bare' });
    const asked = { caller: alice, id };
    expect(await failure(house.client.deactivateImage(asked, call()))).toBe(
      "forbidden ACTION_NOT_ALLOWED Not allowed to deactivate image in status 'queued'",
    );
    await house.fill(id, 'fast');
    await house.client.deactivateImage(asked, call());
    await house.client.deactivateImage(asked, call());
    expect(await house.get(id)).toMatchObject({ status: 'deactivated', stores: 'fast' });
    const download = { ...asked, range: '', prefer: '' };
    expect(await failure(house.client.prepareDownload(download, call()))).toBe(
      'forbidden IMAGE_DEACTIVATED The requested image has been deactivated. Image data download is forbidden.',
    );
    const operator = await house.client.prepareDownload({ ...download, caller: admin }, call());
    expect(operator).toMatchObject({ length: 1024 });
    await house.client.reactivateImage(asked, call());
    expect(await house.get(id)).toMatchObject({ status: 'active' });
  });

  test('deleting leaves word of the data that is to go, and keeps a protected image', async () => {
    const id = await house.createId({ protected: true });
    await house.fill(id, 'fast', 'slow');
    expect(await failure(house.client.deleteImage({ caller: alice, id }, call()))).toBe(
      `forbidden IMAGE_PROTECTED Image ${id} is protected and cannot be deleted.`,
    );
    await house.patch(id, [{ op: 'replace', path: '/protected', value: false }]);
    await house.client.deleteImage({ caller: alice, id }, call());
    expect(await failure(house.client.deleteImage({ caller: alice, id }, call()))).toBe(
      `not-found IMAGE_UNKNOWN Failed to find image ${id} to delete`,
    );
    expect(
      await house.rows('SELECT store_id, url FROM removals WHERE url LIKE $1 ORDER BY id', [`%${id}`]),
    ).toEqual([
      { store_id: 'fast', url: `file:///fast/${id}` },
      { store_id: 'slow', url: `file:///slow/${id}` },
    ]);
  });
});

describe('Tags', () => {
  test('are a set with a quota', async () => {
    const id = await house.createId({ tags: ['a', 'b'] });
    const add = (tag: string) => house.client.addTag({ caller: alice, id, tag }, call());
    await add('a');
    await add('c/d ä');
    expect(await failure(add('e'))).toBe(
      `over-quota TAG_QUOTA Image tag limit exceeded for image ${id}: The limit has been exceeded on the number of allowed image tags. Attempted: 4, Maximum: 3:`,
    );
    await house.client.removeTag({ caller: alice, id, tag: 'a' }, call());
    expect(await failure(house.client.removeTag({ caller: alice, id, tag: 'a' }, call()))).toBe(
      'not-found RESOURCE_UNKNOWN The resource could not be found.',
    );
    expect(await house.get(id)).toMatchObject({ tags: ['b', 'c/d ä'] });
    expect(await failure(house.client.addTag({ caller: dave, id, tag: 'x' }, call()))).toBe(
      `not-found IMAGE_UNKNOWN Image ${id} not found.`,
    );
  });
});

describe('Members', () => {
  const member = (id: string, caller = alice) => ({ caller, id, memberId: OTHER });

  test('see what is shared, list it once they accept, and decide themselves', async () => {
    const id = await house.createId({ name: 'shared-one' });
    const made = await house.client.createMember(
      { caller: alice, id, body: bytes({ member: OTHER }) },
      call(),
    );
    expect(parsed(made.json)).toMatchObject({
      member_id: OTHER,
      image_id: id,
      status: 'pending',
      schema: '/v2/schemas/member',
    });
    expect(await house.get(id, dave)).toMatchObject({ id });
    expect((await house.list('', dave)).names).not.toContain('shared-one');
    expect((await house.list('visibility=shared&member_status=pending', dave)).names).toEqual(['shared-one']);

    const accept = { ...member(id, dave), body: bytes({ status: 'accepted' }) };
    expect(await failure(house.client.updateMember({ ...accept, caller: alice }, call()))).toBe(
      'forbidden POLICY_REFUSED You are not authorized to complete modify_member action.',
    );
    expect(
      await failure(house.client.updateMember({ ...accept, body: bytes({ status: 'maybe' }) }, call())),
    ).toBe('invalid MEMBER_INVALID Incorrect request: Status must be "pending", "accepted" or "rejected".');
    await house.client.updateMember(accept, call());
    expect((await house.list('', dave)).names).toContain('shared-one');

    await house.client.deleteMember(member(id), call());
    expect(await failure(house.get(id, dave))).toMatch(/^not-found/);
  });

  test.each([
    [{}, 'invalid MEMBER_INVALID Member to be added not specified'],
    [{ member: '' }, "invalid MEMBER_INVALID Member can't be empty"],
    [[], 'invalid MEMBER_INVALID Expected a member in the form: {"member": "image_id"}'],
    [{ member: 5 }, 'invalid MEMBER_INVALID Member must be the id of a project'],
    [{ member: 'm'.repeat(256) }, 'invalid MEMBER_INVALID Member must not be longer than 255 characters'],
  ])('%j is no member', async (body, text) => {
    const id = await house.createId({});
    expect(await failure(house.client.createMember({ caller: alice, id, body: bytes(body) }, call()))).toBe(
      text,
    );
  });

  test('are counted, and only shared images have any', async () => {
    const id = await house.createId({});
    const add = (projectId: string) =>
      house.client.createMember({ caller: alice, id, body: bytes({ member: projectId }) }, call());
    await add('p1');
    expect(await failure(add('p1'))).toBe(`conflict MEMBER_EXISTS Member p1 is duplicated for image ${id}`);
    await add('p2');
    expect(await failure(add('p3'))).toMatch(/^over-quota MEMBER_QUOTA .* Attempted: 3, Maximum: 2:$/);
    const own = await house.createId({ visibility: 'private' });
    expect(await failure(house.client.listMembers({ caller: alice, id: own }, call()))).toBe(
      `forbidden NOT_SHARED Not allowed to list members for image ${own}: Only shared images have members.`,
    );
    expect(await failure(house.client.getMember({ caller: alice, id, memberId: 'p9' }, call()))).toBe(
      `not-found MEMBER_UNKNOWN p9 not found in the member list of the image ${id}.`,
    );
  });
});

describe('Discovery', () => {
  test('tells stores, methods, schemas and versions', async () => {
    const stores = await house.client.listStores({ caller: alice, detail: false }, call());
    expect(parsed(stores.json)).toEqual({
      stores: [{ id: 'fast', description: 'fast file store', default: 'true' }, { id: 'slow' }],
    });
    expect(await failure(house.client.listStores({ caller: alice, detail: true }, call()))).toBe(
      'forbidden POLICY_REFUSED You are not authorized to complete stores_info_detail action.',
    );
    expect(parsed((await house.client.getSchema({ name: 'image' }, call())).json)).toMatchObject({
      name: 'image',
    });
    expect(await failure(house.client.getSchema({ name: 'nope' }, call()))).toBe(
      'not-found RESOURCE_UNKNOWN The resource could not be found.',
    );
    const versions = await house.client.getVersions({ applicationUrl: 'http://img' }, call());
    expect(versions.minors.slice(0, 3)).toEqual(['2.15', '2.13', '2.12']);
    expect(parsed((await house.client.getUsage({ caller: alice }, call())).json)).toEqual({ usage: {} });
  });
});

describe('Reload', () => {
  test('a bad protections file keeps the last good rules', async () => {
    const file = join(directory, 'property-protections.conf');
    await writeFile(file, '[hidden_(]\ncreate = @\n');
    await expect(house.reload(ini())).rejects.toThrow(`${file}:1: [hidden_(] is no regular expression`);
    expect(await failure(house.create({ hidden_a: '1' }))).toMatch(/PROPERTY_PROTECTED/);
    await writeFile(file, '[.*]\ncreate = @\nread = @\nupdate = @\ndelete = @\n');
    await house.reload(ini());
    expect(await house.create({ hidden_a: '1' })).toMatchObject({ hidden_a: '1' });
  });
});
