import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { images } from '@hallmark/contracts';
import { usePostgres } from '@hallmark/testing';
import { BARE_RAW, BytesHouse } from './bytes-house.ts';
import { admin, alice, bytes as json, call, carol, dave, failure, House, type Json } from './house.ts';

// What operators decide in their files, seen at the door: policy.yaml, property-protections.conf,
// glance-image-import.conf, quotas.

const postgres = usePostgres();
let bytes: BytesHouse;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hallmark-rules-'));
  bytes = await BytesHouse.open({ database: await postgres.current.createDatabase() });
});
afterAll(async () => {
  await bytes[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

/** Has the house read a file of an operator's. */
async function ruled(option: string, name: string, text: string, more = ''): Promise<void> {
  await writeFile(join(directory, name), text);
  await bytes.reload(`${more}${option} = ${join(directory, name)}\n`);
}

const protectedBy = (text: string, format = 'roles', more = ''): Promise<void> =>
  ruled(
    'property_protection_file',
    'property-protections.conf',
    text,
    `${more}[DEFAULT]\nproperty_protection_rule_format = ${format}\n`,
  );

const RESERVED = (name: string): string => `forbidden PROPERTY_PROTECTED Attribute '${name}' is reserved.`;
const op = (kind: string, name: string, value?: string): object => ({
  op: kind,
  path: `/${name}`,
  ...(value !== undefined && { value }),
});

describe('property-protections.conf', () => {
  test('of roles: @ is everybody, ! is nobody, an administrator neither, and the first match decides', async () => {
    await protectedBy(`[^open_]
create = @
read = @
update = @
delete = @
[^sealed_]
create = @
read = @
update = !
delete = !
[^ops_]
create = Admin
read = admin,member
update = admin
delete = admin
[^ops_late]
create = @
read = @
update = @
delete = @
[.*]
create = member,admin
read = @
update = member,admin
delete = member,admin
`);
    const { house } = bytes;
    const id = await house.createId({ open_a: '1', sealed_a: '1', other: '1' });
    expect(await house.patch(id, [op('replace', 'open_a', '2'), op('remove', 'other')])).toMatchObject({
      open_a: '2',
    });
    for (const who of [alice, admin]) {
      expect(await failure(house.patch(id, [op('replace', 'sealed_a', '2')], who))).toBe(
        RESERVED('sealed_a'),
      );
      expect(await failure(house.patch(id, [op('remove', 'sealed_a')], who))).toBe(RESERVED('sealed_a'));
    }
    expect(await failure(house.create({ ops_late: '1' }))).toBe(RESERVED('ops_late'));
    await house.patch(id, [op('add', 'ops_late', '1')], admin);
    expect(await house.get(id)).toMatchObject({ ops_late: '1' });
    expect(await house.get(id, carol)).not.toHaveProperty('ops_late');
    expect(await failure(house.patch(id, [op('remove', 'ops_late')]))).toBe(RESERVED('ops_late'));
    await house.patch(id, [op('remove', 'ops_late')], admin);
    expect(await house.get(id, admin)).not.toHaveProperty('ops_late');
  });

  test('a name that no section matches is nobody’s, and a list does not tell what it cannot show', async () => {
    const { house } = bytes;
    await protectedBy(
      '[^mine_]\ncreate=@\nread=@\nupdate=@\ndelete=@\n[^secret]\ncreate=admin\nread=admin\nupdate=admin\ndelete=admin\n',
    );
    expect(await failure(house.create({ yours: '1' }, admin))).toBe(RESERVED('yours'));
    const name = 'with-a-secret';
    await house.create({ name, mine_a: '1', secret: 's', visibility: 'public' }, admin);
    expect((await house.list(`name=${name}`)).names).toEqual([name]);
    expect((await house.list('secret=s')).names).toEqual([]);
    expect((await house.list('secret=s', admin)).names).toEqual([name]);
  });

  test('of policies: a rule of policy.yaml decides each', async () => {
    await writeFile(
      join(directory, 'policy.yaml'),
      '"licenser": "role:member and not role:admin"\n"anybody": "@"\n',
    );
    await protectedBy(
      '[^licence_]\ncreate = licenser\nread = anybody\nupdate = licenser\ndelete = !\n[.*]\ncreate=@\nread=@\nupdate=@\ndelete=@\n',
      'policies',
      `[oslo_policy]\npolicy_file = ${join(directory, 'policy.yaml')}\n`,
    );
    const { house } = bytes;
    const id = await house.createId({ licence_a: '1' });
    expect(await failure(house.create({ licence_a: '1' }, admin))).toBe(RESERVED('licence_a'));
    expect(await house.get(id, carol)).toMatchObject({ licence_a: '1' });
    await house.patch(id, [op('replace', 'licence_a', '2')]);
    expect(await failure(house.patch(id, [op('remove', 'licence_a')]))).toBe(RESERVED('licence_a'));
  });
});

describe('policy.yaml', () => {
  test('stands over the defaults, for each door', async () => {
    const { house } = bytes;
    await ruled(
      'policy_file',
      'policy.yaml',
      `"uploader": "role:uploader"
"upload_image": "rule:uploader"
"publicize_image": "role:member"
"delete_image": "!"
"get_image": "project_id:%(project_id)s or 'community':%(visibility)s"
`,
      '[oslo_policy]\n',
    );
    const id = await house.createId({ ...BARE_RAW, visibility: 'public' });
    const refused = (rule: string): string =>
      `forbidden POLICY_REFUSED You are not authorized to complete ${rule} action.`;
    expect(await failure(bytes.prepareUpload(id))).toBe(refused('upload_image'));
    const uploader = images.Caller.fromPartial({ ...alice, roles: ['member', 'Uploader'] });
    await bytes.upload(id, Buffer.from('x'), uploader);
    for (const caller of [alice, admin])
      expect(await failure(house.client.deleteImage({ caller, id }, call()))).toMatch(
        caller === alice ? refused('delete_image') : /^not-found/,
      );
    expect(await failure(house.get(id, dave))).toMatch(/^not-found IMAGE_UNKNOWN/);
    const open = await house.createId({ visibility: 'community' });
    expect(await house.get(open, dave)).toMatchObject({ id: open });
    await bytes.reload('');
    await house.client.deleteImage({ caller: alice, id }, call());
  });
});

describe('The start', () => {
  test.each([
    [
      'a bad protections file, with its line',
      '[DEFAULT]\nproperty_protection_file = FILE\n',
      '[a]\ncreate = @\nread = @,!\nupdate = @\ndelete = @\n',
      'FILE:3: [a] read: @, everyone, and ! , nobody, exclude each other',
    ],
    [
      'a policy that cannot be read, with its line',
      '[oslo_policy]\npolicy_file = FILE\n',
      '"a": "role:x"\n"get_image": "role:a and"\n',
      'FILE:2: get_image: it ends where a check should stand',
    ],
    [
      'a plugin that nobody knows',
      '[image_import_opts]\nimage_import_plugins = [inject_metadata]\n',
      '',
      'image_import_plugins: there is no plugin "inject_metadata"',
    ],
    [
      'what cannot be injected',
      '[inject_metadata_properties]\ninject = {"os_glance_x": "1"}\n',
      '',
      "os_glance_x: names that begin with os_glance are Glance's own",
    ],
  ])('is stopped by %s', async (_, ini, text, message) => {
    const file = join(directory, 'bad-file');
    await writeFile(file, text);
    const starting = House.open({
      database: await postgres.current.createDatabase(),
      ini: ini.replace('FILE', file),
    });
    await expect(starting).rejects.toThrow(message.replace('FILE', file));
  });
});

describe('glance-image-import.conf', () => {
  const ini = (options: string, more = ''): string => `${more}[inject_metadata_properties]\n${options}\n`;

  async function marks(caller = alice, more: Json = {}): Promise<Json> {
    const id = await bytes.house.createId({ ...BARE_RAW, ...more }, caller);
    await bytes.stage(id, Buffer.from('x'), caller);
    expect(await bytes.imported(id, { method: { name: 'glance-direct' } }, caller)).toMatch(/^success/);
    const { origin, zone, 'trait:CUSTOM_A': trait, 'hw:x': hw } = await bytes.house.get(id, caller);
    return JSON.parse(JSON.stringify({ origin, zone, trait, hw })) as Json;
  }

  test.each([
    ['inject = origin:a,zone:b', { origin: 'a', zone: 'b' }],
    ['inject = zone:http://a/b', { zone: 'http://a/b' }],
    [
      'inject = { "trait:CUSTOM_A": "required", "hw:x": "1,2", "zone": "" }',
      { trait: 'required', hw: '1,2', zone: '' },
    ],
  ])('%s', async (options, expected) => {
    await bytes.reload(ini(options));
    expect(await marks()).toEqual(expected);
  });

  test.each([
    ['[inject_image_metadata]', { origin: 'a' }],
    ['[no_op, inject_image_metadata]', { origin: 'a' }],
    ['[no_op]', {}],
    ['[]', {}],
  ])('image_import_plugins = %s is honoured', async (plugins, expected) => {
    await bytes.reload(ini('inject = origin:a', `[image_import_opts]\nimage_import_plugins = ${plugins}\n`));
    expect(await marks()).toEqual(expected);
  });

  test.each([
    ['ADMIN', {}],
    ['operator', { origin: 'a' }],
    ['', { origin: 'a' }],
  ])('ignore_user_roles = %s, for an administrator', async (roles, expected) => {
    await bytes.reload(ini(`inject = origin:a\nignore_user_roles = ${roles}`));
    expect(await marks(admin)).toEqual(expected);
    const shouting = images.Caller.fromPartial({ ...alice, roles: ['member', 'reader', 'Operator'] });
    expect(await marks(shouting)).toEqual(roles === 'operator' ? {} : { origin: 'a' });
  });

  test('injects nothing into data that comes without an import', async () => {
    await bytes.reload(ini('inject = origin:a'));
    const id = await bytes.house.createId({ ...BARE_RAW, origin: 'forged' });
    await bytes.upload(id, Buffer.from('x'));
    expect(await bytes.house.get(id)).not.toHaveProperty('origin');
  });
});

describe('Quotas', () => {
  test('of -1 are none', async () => {
    await bytes.reload(
      '[DEFAULT]\nimage_property_quota = -1\nimage_tag_quota = -1\nimage_member_quota = -1\n[inject_metadata_properties]\ninject = origin:a\n',
    );
    const { house } = bytes;
    const properties = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`p${n}`, '1']));
    const tags = Array.from({ length: 200 }, (_, n) => `t${n}`);
    const id = await house.createId({ ...BARE_RAW, ...properties, tags });
    await house.client.addTag({ caller: alice, id, tag: 'one more' }, call());
    for (let n = 0; n < 130; n += 1)
      await house.client.createMember({ caller: alice, id, body: json({ member: `m${n}` }) }, call());
    await bytes.stage(id, Buffer.from('x'));
    expect(await bytes.imported(id, { method: { name: 'glance-direct' } })).toMatch(/^success/);
  });

  test('of a project count each copy that an import makes', async () => {
    await bytes.reload('[DEFAULT]\nuser_storage_quota = 1000B\n');
    const owner = images.Caller.fromPartial({ ...alice, projectId: 'a-project-of-its-own' });
    const id = await bytes.house.createId(BARE_RAW, owner);
    await bytes.stage(id, Buffer.alloc(600), owner);
    const direct = { method: { name: 'glance-direct' } };
    expect(await bytes.imported(id, { ...direct, all_stores: true }, owner)).toBe(
      'failure STORAGE_QUOTA Image exceeds the storage quota: The size of the data 1200 will exceed the limit. ' +
        '1000 bytes remaining. The image is uploading again and its staged data is kept: it can be imported again.',
    );
    expect(await bytes.imported(id, direct, owner)).toMatch(/^success/);
    const second = await bytes.house.createId(BARE_RAW, owner);
    expect(await failure(bytes.stage(second, Buffer.alloc(600), owner))).toBe(
      'over-quota STORAGE_QUOTA Image exceeds the storage quota: The size of the data 600 will exceed the limit. 400 bytes remaining.',
    );
  });

  test('of size stop staged data while it comes', async () => {
    await bytes.reload('[DEFAULT]\nimage_size_cap = 1000\n');
    const id = await bytes.house.createId(BARE_RAW);
    expect(await failure(bytes.stage(id, Buffer.alloc(1_001)))).toBe(
      'over-quota SIZE_CAP The incoming image is too large: The provided image is too large.',
    );
    expect(await bytes.house.get(id)).toMatchObject({ status: 'queued', size: null });
    await bytes.stage(id, Buffer.alloc(1_000));
  });
});
