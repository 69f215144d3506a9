import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { FakeS3, usePostgres, waitFor } from '@hallmark/testing';
import { BARE_RAW, BytesHouse } from './bytes-house.ts';
import { admin, alice, failure } from './house.ts';

// What a real S3 service cannot be made to do when it is wanted. All else is in s3.test.ts.

const postgres = usePostgres();
let s3: FakeS3;
let bytes: BytesHouse;

beforeAll(async () => {
  s3 = await FakeS3.start();
  bytes = await BytesHouse.open({
    database: await postgres.current.createDatabase(),
    ini: `[DEFAULT]
enabled_backends = fast:file, bucket:s3
[bucket]
s3_store_host = ${s3.url}
s3_store_access_key = ${FakeS3.accessKey}
s3_store_secret_key = ${FakeS3.secretKey}
s3_store_bucket = images
s3_store_large_object_chunk_size = 5
`,
  });
});
afterAll(async () => {
  await bytes[Symbol.asyncDispose]();
  await s3[Symbol.asyncDispose]();
});
afterEach(() => s3.heal());

const MIB = 1024 * 1024;
const content = randomBytes(200_000);
const large = randomBytes(12 * MIB + 17);

const newImage = (): Promise<string> => bytes.house.createId(BARE_RAW);
const upload = (id: string, data: Buffer): Promise<void> => bytes.upload(id, data, alice, 'bucket');
const objectsOf = (id: string): string[] => [...s3.objects.keys()].filter((key) => key.startsWith(id));

describe('an S3 store', () => {
  test('is asked again by the SDK when it stumbles', async () => {
    const id = await newImage();
    s3.fail(/PUT object/, 'error', 1);
    await upload(id, content);
    s3.fail(/GET object/, 'slow-down', 1);
    expect((await bytes.download(id)).equals(content)).toBe(true);
  });

  test('that is slow holds the sender, and has all of it in the end', async () => {
    const id = await newImage();
    s3.fail(/^PUT part/, 'stall');
    const uploading = upload(id, large);
    const stalled = (): number =>
      s3.requests.filter(({ call, key }) => call === 'PUT part' && key.startsWith(id)).length;
    await waitFor('the first part to arrive', () => stalled() > 0);
    const { updated_at: before } = await bytes.house.get(id);
    const [held] = await bytes.house.rows('SELECT transfer_until FROM images WHERE id = $1', [id]);
    await waitFor(
      'a sign of life',
      async () => {
        const [now] = await bytes.house.rows('SELECT transfer_until FROM images WHERE id = $1', [id]);
        return String(now?.['transfer_until']) !== String(held?.['transfer_until']);
      },
      20_000,
    );
    expect(await bytes.house.get(id)).toMatchObject({ status: 'saving', updated_at: before });
    s3.heal();
    await uploading;
    expect((await bytes.download(id)).equals(large)).toBe(true);
  });

  test.each([
    ['error', /^unavailable STORE_UNAVAILABLE Image storage media "bucket" failed with InternalError/],
    ['full', /^over-quota STORE_FULL Image storage media is full/],
    ['reset', /^unavailable STORE_UNAVAILABLE Image storage media "bucket" does not answer/],
  ] as const)('that says %s leaves the image queued and nothing behind', async (fault, told) => {
    const id = await newImage();
    s3.fail(/^PUT part/, fault);
    expect(await failure(upload(id, large))).toMatch(told);
    expect(await bytes.house.get(id)).toMatchObject({ status: 'queued', size: null });
    s3.heal();
    await waitFor('nothing to be left', () => objectsOf(id).length === 0 && s3.openUploads === 0);
    await upload(id, content);
  });

  test('that breaks off in the middle of an object breaks the download, and no copy comes of it', async () => {
    const id = await newImage();
    await upload(id, large);
    s3.fail(/GET object/, 'truncate');
    await expect(bytes.download(id)).rejects.toThrow();
    expect(await bytes.imported(id, { method: { name: 'copy-image' }, stores: ['fast'] }, admin)).toMatch(
      /^failure STORE_UNAVAILABLE .* The image stays active, with the copies that it has\.$/,
    );
    expect(await bytes.house.get(id)).toMatchObject({ status: 'active', stores: 'bucket' });
    s3.heal();
    expect(await bytes.imported(id, { method: { name: 'copy-image' }, stores: ['fast'] }, admin)).toMatch(
      /^success Copied 12 MiB/,
    );
    s3.fail(/GET object/, 'error');
    expect((await bytes.download(id)).equals(large)).toBe(true);
  });
});
