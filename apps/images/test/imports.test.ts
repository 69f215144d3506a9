import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { startFakeTarget, usePostgres, waitFor, type FakeTarget } from '@hallmark/testing';
import { BARE_RAW, BytesHouse, digest } from './bytes-house.ts';
import { admin, alice, call, failure, type Json } from './house.ts';

// The behaviour table of the reference for InjectMetadataProperties, and imports by each method.

const postgres = usePostgres();
let bytes: BytesHouse;
let mirror: FakeTarget;

const INJECT = {
  hallmark_origin: 'import-gw',
  'trait:CUSTOM_USER_IMAGES': 'required',
  hallmark_zone: 'users',
};
const INI = `download_allowed_networks = 127.0.0.0/8
[DEFAULT]
image_size_cap = 3000000
[import_filtering_opts]
allowed_ports = []
[inject_metadata_properties]
ignore_user_roles = ADMIN
inject = ${JSON.stringify(INJECT)}
`;
const DIRECT = { method: { name: 'glance-direct' } };

beforeAll(async () => {
  mirror = await startFakeTarget({});
  bytes = await BytesHouse.open({ database: await postgres.current.createDatabase(), ini: INI });
});
afterAll(async () => {
  await bytes[Symbol.asyncDispose]();
  await mirror[Symbol.asyncDispose]();
});

const content = randomBytes(200_000);

async function staged(more: Json = {}, caller = alice): Promise<string> {
  const id = await bytes.house.createId({ ...BARE_RAW, ...more }, caller);
  await bytes.stage(id, content, caller);
  return id;
}

const properties = (count: number): Json =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`mine_${index}`, String(index)]));

async function downloading(answer: Parameters<FakeTarget['answer']>[0], path = 'disk.raw'): Promise<Json> {
  mirror.answer(answer);
  return await Promise.resolve({ method: { name: 'web-download', uri: `${mirror.url}${path}` } });
}

describe('InjectMetadataProperties', () => {
  test('sets the properties of an image that a user imports, before it is active', async () => {
    const id = await staged();
    expect(await bytes.imported(id, DIRECT)).toBe('success Copied 0 MiB');
    expect(await bytes.house.get(id)).toMatchObject({
      status: 'active',
      checksum: digest('md5', content),
      os_hash_value: digest('sha512', content),
      ...INJECT,
      os_glance_importing_to_stores: '',
      os_glance_failed_import: '',
    });
    expect(await bytes.house.get(id)).not.toHaveProperty('os_glance_import_task');
    expect((await bytes.download(id)).equals(content)).toBe(true);
    await bytes.untilFilesOf(id, 'fast');
  });

  test('leaves an image alone that somebody with an ignored role imports, and records why', async () => {
    const id = await staged({}, admin);
    const { task } = await bytes.taskEnd(await bytes.import(id, DIRECT, admin));
    expect(await bytes.house.get(id, admin)).not.toHaveProperty('hallmark_origin');
    expect(task.injection).toMatchObject({
      injected: false,
      userId: 'admin',
      rule: 'role admin is in ignore_user_roles',
      properties: {},
    });
  });

  test("decides by the importer, also of a user's image", async () => {
    const id = await staged();
    const { task } = await bytes.taskEnd(await bytes.import(id, DIRECT, admin));
    expect(task.injection).toMatchObject({ injected: false, userId: 'admin' });
    expect(await bytes.house.get(id)).not.toHaveProperty('hallmark_origin');
  });

  test('records on the task what it did', async () => {
    const id = await staged();
    const { task, document } = await bytes.taskEnd(await bytes.import(id, DIRECT));
    expect(task.injection).toMatchObject({
      injected: true,
      userId: 'alice',
      roles: ['member', 'reader'],
      properties: INJECT,
    });
    expect(document['injection']).toEqual({
      injected: true,
      rule: "none of the user's roles is in ignore_user_roles (admin)",
      user_id: 'alice',
      roles: ['member', 'reader'],
      properties: INJECT,
      decided_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]{8}Z$/),
    });
    expect(task).toMatchObject({ bytesDone: content.length, bytesTotal: content.length });
  });

  test('drops the names when a user creates with them, and protects them after', async () => {
    const id = await staged({ hallmark_origin: 'forged' });
    expect(await bytes.house.get(id)).not.toHaveProperty('hallmark_origin');
    await bytes.imported(id, DIRECT);
    expect(await bytes.house.get(id)).toMatchObject({ hallmark_origin: 'import-gw' });
    const patch = bytes.house.patch(id, [{ op: 'replace', path: '/hallmark_origin', value: 'forged' }]);
    expect(await failure(patch)).toMatch(/^forbidden PROPERTY_PROTECTED/);
    // Before the import no less.
    const early = bytes.house.patch(await staged(), [{ op: 'add', path: '/hallmark_zone', value: 'forged' }]);
    expect(await failure(early)).toMatch(/^forbidden PROPERTY_PROTECTED/);
  });

  test("overwrites what an operator's hand set before", async () => {
    const id = await staged();
    await bytes.house.patch(id, [{ op: 'add', path: '/hallmark_origin', value: 'by hand' }], admin);
    await bytes.imported(id, DIRECT);
    expect(await bytes.house.get(id)).toMatchObject({ hallmark_origin: 'import-gw' });
  });

  test('is done again when an import is retried that a store had failed, and leaves nothing in between', async () => {
    const id = await staged();
    await breakStore('slow');
    try {
      expect(await bytes.imported(id, { ...DIRECT, all_stores: true })).toMatch(/^failure STORE_UNAVAILABLE/);
    } finally {
      await mendStore('slow');
    }
    expect(await bytes.house.get(id)).not.toHaveProperty('hallmark_origin');
    // As if it had: the values of an earlier attempt are in nobody's way.
    const earlier = [{ op: 'add', path: '/hallmark_origin', value: 'earlier' }];
    await bytes.house.patch(id, earlier, admin);
    expect(await bytes.imported(id, { ...DIRECT, all_stores: true })).toMatch(/^success/);
    expect(await bytes.house.get(id)).toMatchObject({ status: 'active', ...INJECT });
  });

  test('125 and 3 are 128', async () => {
    const id = await staged(properties(125));
    expect(await bytes.imported(id, DIRECT)).toMatch(/^success/);
  });

  test('126 and 3 are too many: it says so, and can be tried again with one less', async () => {
    const id = await staged(properties(126));
    expect(await bytes.imported(id, DIRECT)).toBe(
      'failure PROPERTY_QUOTA Image property quota exceeded: 126 user properties plus 3 injected exceed the maximum ' +
        'of 128. The image is uploading again and its staged data is kept: it can be imported again.',
    );
    const after = await bytes.house.get(id);
    expect(after).toMatchObject({
      status: 'uploading',
      size: content.length,
      os_glance_failed_import: 'fast',
    });
    expect(Object.keys(after).filter((name) => Object.hasOwn(INJECT, name))).toEqual([]);
    expect(await bytes.filesOf(id)).toEqual(['staging']);

    await bytes.house.patch(id, [{ op: 'remove', path: '/mine_0' }]);
    expect(await bytes.imported(id, DIRECT)).toMatch(/^success/);
    expect(await bytes.house.get(id)).toMatchObject({
      status: 'active',
      ...INJECT,
      os_glance_failed_import: '',
    });
  });

  test('126 of which one is injected are 125', async () => {
    const id = await staged({ ...properties(125), hallmark_zone: 'forged' });
    expect(await bytes.imported(id, DIRECT)).toMatch(/^success/);
  });

  test('126 and 3 fail a web-download too, before it has fetched anything', async () => {
    const id = await bytes.house.createId({ ...BARE_RAW, ...properties(126) });
    const asked = mirror.requests.length;
    expect(await bytes.imported(id, await downloading({ body: content }))).toBe(
      'failure PROPERTY_QUOTA Image property quota exceeded: 126 user properties plus 3 injected exceed the maximum ' +
        'of 128. The image is queued again and has no data: it can be imported again.',
    );
    expect(mirror.requests).toHaveLength(asked);
    expect(await bytes.house.get(id)).toMatchObject({ status: 'queued' });
  });

  test('never happens to a copy', async () => {
    const id = await staged({}, admin);
    await bytes.imported(id, DIRECT, admin);
    const { task } = await bytes.taskEnd(
      await bytes.import(id, { method: { name: 'copy-image' }, stores: ['slow'] }, admin),
    );
    expect(task.status).toBe('success');
    expect(task.injection).toBeUndefined();
    expect(await bytes.house.get(id, admin)).not.toHaveProperty('hallmark_origin');
    await bytes.untilFilesOf(id, 'fast', 'slow');
  });

  describe('with other configurations', () => {
    afterEach(() => bytes.reload(INI));

    test('is not in the flow without `inject`', async () => {
      await bytes.reload(INI.replace(/^inject = .*$/m, ''));
      const id = await staged();
      const { task } = await bytes.taskEnd(await bytes.import(id, DIRECT));
      expect(task).toMatchObject({ status: 'success', injection: undefined });
    });
  });
});

describe('an import', () => {
  test('of a URL streams into the store', async () => {
    const id = await bytes.house.createId(BARE_RAW);
    expect(await bytes.imported(id, await downloading({ body: content }))).toMatch(/^success/);
    expect((await bytes.download(id)).equals(content)).toBe(true);
    expect(await bytes.filesOf(id)).toEqual(['fast']);
    expect(await bytes.house.get(id)).toMatchObject({ ...INJECT, size: content.length });
  });

  test('shows no password of its URL to anybody, and sends it to its server only', async () => {
    const id = await bytes.house.createId(BARE_RAW);
    mirror.answer({ body: content });
    const uri = `${mirror.url.replace('//', '//bob:hunter2@')}disk.raw?signature=s3cret`;
    const taskId = await bytes.import(id, { method: { name: 'web-download', uri } });
    const { document, task } = await bytes.taskEnd(taskId);
    expect(task.status).toBe('success');
    expect(JSON.stringify(document)).not.toMatch(/hunter2|s3cret/);
    expect(document['input']).toMatchObject({
      import_req: { method: { uri: `${mirror.url.replace('//', '//***@')}disk.raw?***` } },
    });
    expect(mirror.requests.at(-1)?.path).toBe('/disk.raw?signature=s3cret');
    expect(mirror.requests.at(-1)?.headers['authorization']).toBe(
      `Basic ${Buffer.from('bob:hunter2').toString('base64')}`,
    );
    expect(await bytes.house.rows('SELECT source_uri FROM tasks WHERE id = $1', [taskId])).toEqual([
      { source_uri: null },
    ]);
  });

  test.each([
    [
      'is refused by its server',
      { status: 404 },
      /^failure DOWNLOAD_FAILED http:.* answered with status 404\./,
    ],
    [
      'breaks off',
      { body: content, fault: 'reset-in-body' },
      /^failure DOWNLOAD_FAILED .* cannot be read to its end\./,
    ],
    ['is larger than the cap', { fault: 'huge' }, /^failure SIZE_CAP The incoming image is too large/],
  ] as const)('of a URL that %s leaves the image queued', async (_, answer, message) => {
    const id = await bytes.house.createId(BARE_RAW);
    expect(await bytes.imported(id, await downloading(answer))).toMatch(message);
    expect(await bytes.house.get(id)).toMatchObject({ status: 'queued', size: null });
    expect(await bytes.filesOf(id)).toEqual([]);
    expect(await bytes.imported(id, await downloading({ body: content }))).toMatch(/^success/);
  });

  test.each([
    'http://10.0.0.5/x',
    'http://[::ffff:a9fe:a9fe]/x',
    'http://2852039166/x',
    'ftp://mirror.example/x',
  ])('of %s is refused at once', async (uri) => {
    const id = await bytes.house.createId(BARE_RAW);
    expect(await failure(bytes.import(id, { method: { name: 'web-download', uri } }))).toMatch(
      /^invalid URI_REFUSED URI for web-download does not pass filtering: /,
    );
    expect(await bytes.house.get(id)).not.toHaveProperty('os_glance_import_task');
  });

  test('into all stores has a copy in each, and one that fails takes the others with it', async () => {
    const id = await staged();
    await breakStore('slow');
    expect(await bytes.imported(id, { ...DIRECT, all_stores: true })).toMatch(
      /^failure STORE_UNAVAILABLE .* The image is uploading again/,
    );
    expect(await bytes.filesOf(id)).toEqual(['staging']);
    expect(await bytes.house.get(id)).toMatchObject({
      status: 'uploading',
      os_glance_importing_to_stores: '',
      os_glance_failed_import: 'fast,slow',
    });
    await mendStore('slow');
    expect(await bytes.imported(id, { ...DIRECT, all_stores: true })).toMatch(/^success/);
    expect(await bytes.house.get(id)).toMatchObject({ stores: 'fast,slow', os_glance_failed_import: '' });
    await bytes.untilFilesOf(id, 'fast', 'slow');
  });

  test('goes on without a store where not all must succeed', async () => {
    const id = await bytes.house.createId(BARE_RAW);
    await breakStore('fast');
    try {
      const body = {
        ...(await downloading({ body: content })),
        all_stores: true,
        all_stores_must_succeed: false,
      };
      expect(await bytes.imported(id, body)).toMatch(/^success/);
      expect(await bytes.house.get(id)).toMatchObject({
        status: 'active',
        stores: 'slow',
        os_glance_failed_import: 'fast',
      });
    } finally {
      await mendStore('fast');
    }
    expect(await bytes.imported(id, { method: { name: 'copy-image' }, stores: ['fast'] }, admin)).toMatch(
      /^success/,
    );
    expect(await bytes.house.get(id)).toMatchObject({ stores: 'slow,fast', os_glance_failed_import: '' });
  });

  test('locks its image against another, and can be cancelled', async () => {
    const id = await bytes.house.createId(BARE_RAW);
    const body = await downloading({ body: content, fault: 'hang-in-body' });
    const taskId = await bytes.import(id, body);
    await waitFor('it to begin', async () => (await bytes.house.get(id))['status'] === 'importing');
    expect(await bytes.house.get(id)).toMatchObject({
      os_glance_import_task: taskId,
      os_glance_importing_to_stores: 'fast',
    });
    expect(await failure(bytes.import(id, body))).toBe('not-ready IMAGE_BUSY Image has active task');

    await bytes.house.client.cancelTask({ caller: alice, id: taskId }, call());
    const { task, document } = await bytes.taskEnd(taskId);
    expect(task).toMatchObject({ status: 'failure', reason: 'CANCELLED' });
    expect(document['message']).toBe(
      'The import was cancelled. The image is queued again and has no data: it can be imported again.',
    );
    expect(await bytes.imported(id, await downloading({ body: content }))).toMatch(/^success/);
  });

  test('of an image that is deleted meanwhile ends, with nothing left', async () => {
    const id = await bytes.house.createId(BARE_RAW);
    const taskId = await bytes.import(
      id,
      await downloading({ body: content, fault: 'slow-drip', dripMs: 20 }),
    );
    await waitFor('it to begin', async () => (await bytes.house.get(id))['status'] === 'importing');
    await bytes.house.client.deleteImage({ caller: alice, id }, call());
    expect((await bytes.taskEnd(taskId)).task).toMatchObject({ status: 'failure', reason: 'IMAGE_VANISHED' });
    await bytes.untilFilesOf(id);
  });

  test('whose staged data has been lost says so', async () => {
    const id = await staged();
    await rm(bytes.directories.staging, { recursive: true });
    expect(await bytes.imported(id, DIRECT)).toMatch(/^failure STORE_UNAVAILABLE .*os_glance_staging_store/);
    expect(await bytes.house.get(id)).toMatchObject({ status: 'uploading' });
  });
});

/** A file stands where the directory was. */
async function breakStore(name: 'fast' | 'slow'): Promise<void> {
  await rm(bytes.directories[name], { recursive: true, force: true });
  await writeFile(bytes.directories[name], '');
}

async function mendStore(name: 'fast' | 'slow'): Promise<void> {
  await rm(join(bytes.directories[name]), { force: true });
  await mkdir(bytes.directories[name], { recursive: true });
}
