import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeWithDocker, SwiftServer, usePostgres, waitFor } from '@hallmark/testing';
import { BARE_RAW, BytesHouse, digest, pieces } from './bytes-house.ts';
import { admin, alice, call, failure } from './house.ts';

// Stores in a real S3 service: OpenStack Swift behind its S3 API. What it cannot be made to do is in
// s3-faults.test.ts.

const MIB = 1024 * 1024;
const content = randomBytes(200_000);
/** Three parts, the last of which is shorter. */
const large = randomBytes(12 * MIB + 17);
/** Until an outage is over and the clean-up has come round again. */
const AFTER_OUTAGE_MS = 180_000;

describeWithDocker('a store in Swift, by S3', () => {
  const postgres = usePostgres();
  let swift: SwiftServer;
  let bytes: BytesHouse;

  const open = async (): Promise<BytesHouse> =>
    await BytesHouse.open({
      database: await postgres.current.createDatabase(),
      ini: `[DEFAULT]
enabled_backends = fast:file, bucket:s3, elsewhere:s3, missing:s3, denied:s3
${store('bucket', 'images', SwiftServer.secretKey, true)}
${store('elsewhere', 'more-images', SwiftServer.secretKey, true)}
${store('missing', 'nothing', SwiftServer.secretKey, false)}
${store('denied', 'images', 'not-the-secret', false)}
`,
    });

  const store = (name: string, bucket: string, secretKey: string, creates: boolean): string => `[${name}]
s3_store_host = ${swift.url}
s3_store_access_key = ${SwiftServer.accessKey}
s3_store_secret_key = ${secretKey}
s3_store_bucket = ${bucket}
s3_store_create_bucket_on_put = ${creates}
s3_store_large_object_chunk_size = 5
`;

  beforeAll(async () => {
    swift = await SwiftServer.start();
    bytes = await open();
  }, 240_000);
  afterAll(async () => {
    await bytes[Symbol.asyncDispose]();
    await swift[Symbol.asyncDispose]();
  });

  const newImage = (): Promise<string> => bytes.house.createId(BARE_RAW);
  const upload = (id: string, data: Buffer, storeId = 'bucket'): Promise<void> =>
    bytes.upload(id, data, alice, storeId);
  const remove = async (id: string): Promise<void> => {
    await bytes.house.client.deleteImage({ caller: alice, id }, call());
  };

  /** Bytes of what Swift has of an image, parts and uploads under way included, largest first. */
  async function sizesOf(id: string, container: string): Promise<number[]> {
    const objects = [...(await swift.objects(container))];
    return objects
      .filter(([name]) => name.startsWith(id))
      .map(([, size]) => size)
      .sort((a, b) => b - a);
  }
  const partsOf = (id: string): Promise<number[]> => sizesOf(id, 'images+segments');
  async function untilGone(id: string, timeoutMs = 20_000): Promise<void> {
    const look = async (): Promise<number[]> => [...(await sizesOf(id, 'images')), ...(await partsOf(id))];
    await waitFor('nothing of the image to be left', async () => (await look()).length === 0, timeoutMs);
  }

  test('is made by the first upload, whoever else makes it at that moment', async () => {
    await using another = await open();
    const houses = [bytes, another];
    const ids = await Promise.all(houses.map((house) => house.house.createId(BARE_RAW)));
    await Promise.all(houses.map((house, at) => house.upload(ids[at] ?? '', content, alice, 'elsewhere')));
    for (const [at, id] of ids.entries()) {
      expect((await houses[at]?.download(id))?.equals(content)).toBe(true);
      expect(await sizesOf(id, 'more-images')).toEqual([content.length]);
    }
  });

  test('takes small images in one request, gives all and parts of them, and forgets them', async () => {
    const id = await newImage();
    await upload(id, content);
    expect(await bytes.house.get(id)).toMatchObject({
      status: 'active',
      stores: 'bucket',
      size: content.length,
      checksum: digest('md5', content),
      os_hash_value: digest('sha512', content),
    });
    expect(await sizesOf(id, 'images')).toEqual([content.length]);
    expect(await partsOf(id)).toEqual([]);
    expect((await bytes.download(id)).equals(content)).toBe(true);
    expect(await bytes.download(id, 'bytes=100-104')).toEqual(content.subarray(100, 105));
    await remove(id);
    await untilGone(id);
  });

  test('takes no bytes', async () => {
    const id = await newImage();
    await upload(id, Buffer.alloc(0));
    expect(await bytes.house.get(id)).toMatchObject({ status: 'active', size: 0 });
    expect(await sizesOf(id, 'images')).toEqual([0]);
    expect(await bytes.download(id)).toHaveLength(0);
  });

  test.each([
    ['is told', large.length],
    ['nobody has told', undefined],
  ])('takes large images in parts, whose length %s', async (_, size) => {
    const id = await newImage();
    await bytes.put('uploads', await bytes.prepareUpload(id, size, alice, 'bucket'), pieces(large, 70_001));
    expect(await bytes.house.get(id)).toMatchObject({
      size: large.length,
      checksum: digest('md5', large),
      os_hash_value: digest('sha512', large),
    });
    expect(await partsOf(id)).toEqual([5 * MIB, 5 * MIB, 2 * MIB + 17]);
    expect((await bytes.download(id)).equals(large)).toBe(true);
    const acrossParts = await bytes.download(id, `bytes=${5 * MIB - 10}-${10 * MIB + 9}`);
    expect(acrossParts.equals(large.subarray(5 * MIB - 10, 10 * MIB + 10))).toBe(true);
    await remove(id);
    await untilGone(id);
  });

  test('takes a whole number of parts', async () => {
    const id = await newImage();
    await upload(id, large.subarray(0, 10 * MIB));
    expect(await partsOf(id)).toEqual([5 * MIB, 5 * MIB]);
    expect((await bytes.download(id)).equals(large.subarray(0, 10 * MIB))).toBe(true);
  });

  test('takes an import into two stores, and copies go to a directory and back', async () => {
    const both = await newImage();
    await bytes.stage(both, large);
    const imported = { method: { name: 'glance-direct' }, stores: ['fast', 'bucket'] };
    expect(await bytes.imported(both, imported)).toMatch(/^success/);
    expect(await bytes.house.get(both)).toMatchObject({ stores: 'fast,bucket', size: large.length });

    const copied = await newImage();
    await upload(copied, large);
    const copyTo = (...stores: string[]) => ({ method: { name: 'copy-image' }, stores });
    expect(await bytes.imported(copied, copyTo('fast'), admin)).toMatch(/^success Copied 12 MiB/);
    const local = await newImage();
    await bytes.upload(local, large, alice, 'fast');
    expect(await bytes.imported(local, copyTo('bucket', 'elsewhere'), admin)).toMatch(/^success/);

    // Each from the copies in S3 alone.
    for (const id of [both, local, copied]) {
      const { ticket } = await bytes.house.client.prepareDownload(
        { caller: alice, id, range: '', prefer: 'bucket' },
        call(),
      );
      expect((await bytes.fetch(ticket)).equals(large)).toBe(true);
    }
    expect(await sizesOf(local, 'more-images+segments')).toEqual([5 * MIB, 5 * MIB, 2 * MIB + 17]);
  });

  test('whose upload the client leaves has no parts left', async () => {
    const id = await newImage();
    const body = async function* (): AsyncGenerator<Uint8Array, void> {
      yield* pieces(large);
      await waitFor('a part to arrive', async () => (await partsOf(id)).includes(5 * MIB), 20_000);
      throw new Error('The client has had enough.');
    };
    const ticket = await bytes.prepareUpload(id, undefined, alice, 'bucket');
    expect(await failure(bytes.put('uploads', ticket, body()))).not.toBe('succeeded');
    await waitFor('the image to be queued', async () => (await bytes.house.get(id))['status'] === 'queued');
    await untilGone(id);
    await upload(id, content);
  });

  test('that gets less than was announced keeps nothing of it', async () => {
    const id = await newImage();
    const ticket = await bytes.prepareUpload(id, large.length + 1, alice, 'bucket');
    expect(await failure(bytes.put('uploads', ticket, pieces(large)))).not.toBe('succeeded');
    expect(await bytes.house.get(id)).toMatchObject({ status: 'queued', size: null });
    await untilGone(id);
  });

  test.each([
    ['images', 'small', content],
    ['images+segments', 'large', large],
  ])('whose %s is full leaves a %s image queued and nothing behind', async (container, _, data) => {
    const id = await newImage();
    await swift.setQuota(container, 1);
    expect(await failure(upload(id, data))).toMatch(/^over-quota STORE_FULL Image storage media is full/);
    expect(await bytes.house.get(id)).toMatchObject({ status: 'queued', size: null });
    await swift.setQuota(container, undefined);
    await untilGone(id);
    await upload(id, data);
  });

  test.each([
    ['denied', 'small', content, 'Insufficient permissions on image storage media'],
    ['denied', 'large', large, 'Insufficient permissions on image storage media'],
    ['missing', 'small', content, 'Image storage media "missing" has no such bucket'],
    ['missing', 'large', large, 'Image storage media "missing" has no such bucket'],
  ])('that is %s takes no %s image', async (storeId, _, data, told) => {
    const id = await newImage();
    expect(await failure(upload(id, data, storeId))).toContain(`unavailable STORE_UNAVAILABLE ${told}`);
    expect(await bytes.house.get(id)).toMatchObject({ status: 'queued', size: null });
  });

  test(
    'that is restarted in the middle of an upload and a copy loses nothing and keeps no parts',
    async () => {
      const before = await newImage();
      await upload(before, large);
      const local = await newImage();
      await bytes.upload(local, large, alice, 'fast');
      const id = await newImage();
      const body = async function* (): AsyncGenerator<Uint8Array, void> {
        yield* pieces(large.subarray(0, 6 * MIB));
        await waitFor('a part to arrive', async () => (await partsOf(id)).includes(5 * MIB), 20_000);
        await swift.container.kill();
        yield* pieces(large.subarray(6 * MIB));
      };
      const ticket = await bytes.prepareUpload(id, large.length, alice, 'bucket');
      expect(await failure(bytes.put('uploads', ticket, body()))).toMatch(
        /STORE_UNAVAILABLE .* does not answer/,
      );
      const copy = { method: { name: 'copy-image' }, stores: ['bucket'] };
      expect(await bytes.imported(local, copy, admin)).toMatch(/^failure STORE_UNAVAILABLE/);
      await expect(bytes.download(before)).rejects.toThrow();

      await swift.container.start();
      expect((await bytes.download(before)).equals(large)).toBe(true);
      await upload(id, large);
      expect(await bytes.imported(local, copy, admin)).toMatch(/^success/);
      expect((await bytes.download(id)).equals(large)).toBe(true);
      const whole = [5 * MIB, 5 * MIB, 2 * MIB + 17];
      await waitFor(
        'the parts from before to be gone',
        async () => String([await partsOf(id), await partsOf(local)]) === String([whole, whole]),
        AFTER_OUTAGE_MS,
      );
    },
    2 * AFTER_OUTAGE_MS,
  );
});
