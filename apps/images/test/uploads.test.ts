import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { usePostgres, waitFor } from '@hallmark/testing';
import { BARE_RAW, BytesHouse, digest, pieces } from './bytes-house.ts';
import { admin, alice, call, failure } from './house.ts';

const postgres = usePostgres();
let bytes: BytesHouse;

beforeAll(async () => {
  bytes = await BytesHouse.open({
    database: await postgres.current.createDatabase(),
    ini: `inject_on_upload = true
[DEFAULT]
image_size_cap = 3000000
user_storage_quota = 8000000B
[inject_metadata_properties]
inject = {"hallmark_origin": "import-gw"}
`,
  });
});
afterAll(() => bytes[Symbol.asyncDispose]());

const content = randomBytes(1_500_001);
const newImage = (): Promise<string> => bytes.house.createId(BARE_RAW);
const discard = async (id: string): Promise<void> => {
  await bytes.house.client.deleteImage({ caller: alice, id }, call());
};

describe('PUT file', () => {
  test('makes an image active, with its digests, and gives it back byte by byte', async () => {
    const id = await newImage();
    await bytes.upload(id, content);
    expect(await bytes.house.get(id)).toMatchObject({
      status: 'active',
      size: content.length,
      virtual_size: content.length,
      checksum: digest('md5', content),
      os_hash_algo: 'sha512',
      os_hash_value: digest('sha512', content),
      stores: 'fast',
    });
    expect((await bytes.download(id)).equals(content)).toBe(true);
    expect(await bytes.download(id, 'bytes=5-9')).toEqual(content.subarray(5, 10));
    expect(await bytes.download(id, 'bytes=-3')).toEqual(content.subarray(-3));
    await discard(id);
    await bytes.untilFilesOf(id);
  });

  test('takes no bytes at all, into the store that was named', async () => {
    const id = await newImage();
    await bytes.upload(id, Buffer.alloc(0), alice, 'slow');
    expect(await bytes.house.get(id)).toMatchObject({
      status: 'active',
      size: 0,
      virtual_size: null,
      checksum: digest('md5', Buffer.alloc(0)),
      stores: 'slow',
    });
    expect(await bytes.download(id)).toHaveLength(0);
    await discard(id);
  });

  test('takes data whose length nobody has told', async () => {
    const id = await newImage();
    await bytes.put('uploads', await bytes.prepareUpload(id), pieces(content));
    expect(await bytes.house.get(id)).toMatchObject({ status: 'active', size: content.length });
    await discard(id);
  });

  test('injects where the operator wants it at every door, by the roles of who uploads', async () => {
    const id = await newImage();
    await bytes.upload(id, Buffer.from('mine'));
    expect(await bytes.house.get(id)).toMatchObject({ hallmark_origin: 'import-gw' });
    const other = await bytes.house.createId(BARE_RAW, admin);
    await bytes.upload(other, Buffer.from('theirs'), admin);
    expect(await bytes.house.get(other, admin)).not.toHaveProperty('hallmark_origin');
    await discard(id);
  });

  test('refuses what is larger than the cap, and leaves the image queued with nothing behind', async () => {
    const id = await newImage();
    const ticket = await bytes.prepareUpload(id);
    const put = bytes.put('uploads', ticket, pieces(Buffer.alloc(3_000_001)));
    expect(await failure(put)).toBe(
      'over-quota SIZE_CAP The incoming image is too large: The provided image is too large.',
    );
    expect(await bytes.house.get(id)).toMatchObject({ status: 'queued', size: null });
    await bytes.untilFilesOf(id);
    await bytes.upload(id, content);
    await discard(id);
  });

  test('keeps the project within its storage quota, whoever comes at the same time', async () => {
    const ids = await Promise.all([1, 2, 3, 4].map(newImage));
    const results = await Promise.all(
      ids.map((id) => failure(bytes.upload(id, Buffer.alloc(2_500_000, 'x')))),
    );
    expect(results.filter((result) => result === 'succeeded')).toHaveLength(3);
    expect(results.find((result) => result !== 'succeeded')).toMatch(
      /^over-quota STORAGE_QUOTA Image exceeds the storage quota: The size of the data \d+ will exceed the limit. \d+ bytes remaining.$/,
    );
    for (const id of ids) await discard(id);
  });

  test('refuses a body of another length than was declared', async () => {
    const id = await newImage();
    const declared = { caller: alice, id, contentType: 'application/octet-stream', storeId: '' };
    const { ticket } = await bytes.house.client.prepareUpload(
      { ...declared, declaredSize: '10', contentLength: undefined },
      call(),
    );
    expect(await failure(bytes.put('uploads', ticket, pieces(Buffer.from('123'))))).toMatch(
      /^invalid SIZE_MISMATCH /,
    );
    expect(await bytes.house.get(id)).toMatchObject({ status: 'queued' });
    await discard(id);
  });

  test('is good once', async () => {
    const id = await newImage();
    const ticket = await bytes.prepareUpload(id);
    await bytes.put('uploads', ticket, pieces(Buffer.from('x')));
    expect(await failure(bytes.put('uploads', ticket, pieces(Buffer.from('x'))))).toMatch(
      /^not-found TICKET_UNKNOWN/,
    );
    await discard(id);
  });

  test.each([
    ['uploads', 'saving', (id: string) => bytes.prepareUpload(id, 1_000_000)],
    ['stages', 'uploading', (id: string) => bytes.prepareStage(id, 1_000_000)],
  ])(
    'leaves the image queued when the client of %s hangs up, and nothing behind',
    async (kind, status, prepare) => {
      const id = await newImage();
      const ticket = await prepare(id);
      const [address = ''] = bytes.house.running.addresses['data'] ?? [];
      const put = request(`http://${address}/${kind}/${ticket}`, {
        method: 'PUT',
        headers: { 'content-length': '1000000' },
      });
      put.on('error', () => undefined);
      put.write(Buffer.alloc(500_000));
      await waitFor('the data to come', async () => (await bytes.house.get(id))['status'] === status);
      put.destroy();
      await waitFor('the image to be queued', async () => (await bytes.house.get(id))['status'] === 'queued');
      expect(await bytes.house.get(id)).toMatchObject({ size: null });
      await bytes.untilFilesOf(id);
      await bytes.upload(id, content);
      await discard(id);
    },
  );

  test('says so when the image was deleted meanwhile', async () => {
    const id = await newImage();
    const ticket = await bytes.prepareUpload(id);
    const gate = Promise.withResolvers<undefined>();
    const body = async function* (): AsyncGenerator<Uint8Array, void> {
      yield Buffer.from('first');
      await gate.promise;
      yield Buffer.from('second');
    };
    const put = failure(bytes.put('uploads', ticket, body()));
    await waitFor('the data to come', async () => (await bytes.house.get(id))['status'] === 'saving');
    await discard(id);
    gate.resolve(undefined);
    expect(await put).toMatch(/^not-found IMAGE_VANISHED Image .* could not be found after upload/);
  });
});

describe('PUT stage', () => {
  test('keeps the data for an import, and an upload has no business then', async () => {
    const id = await newImage();
    await bytes.stage(id, content);
    expect(await bytes.house.get(id)).toMatchObject({ status: 'uploading', size: content.length });
    expect(await bytes.filesOf(id)).toEqual(['staging']);
    expect(await failure(bytes.prepareUpload(id))).toMatch(/^not-ready STATUS_TRANSITION/);
    expect(await failure(bytes.stage(id, content))).toBe(
      'not-ready STATUS_TRANSITION Image status transition from uploading to uploading is not allowed',
    );
    await discard(id);
    await bytes.untilFilesOf(id);
  });
});

describe('GET file', () => {
  test('takes the other copy when the first is gone', async () => {
    const id = await newImage();
    await bytes.upload(id, content);
    expect(await bytes.imported(id, { method: { name: 'copy-image' }, stores: ['slow'] }, admin)).toMatch(
      /^success/,
    );
    expect(await bytes.house.get(id)).toMatchObject({ stores: 'fast,slow' });
    const [file = ''] = (await bytes.files('fast')).filter((name) => name.startsWith(id));
    await rm(join(bytes.directories.fast, file));
    expect((await bytes.download(id)).equals(content)).toBe(true);
    await discard(id);
  });
});
