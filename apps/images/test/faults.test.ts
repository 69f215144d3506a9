import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startFakeTarget, usePostgres, waitFor, type FakeTarget } from '@hallmark/testing';
import { BARE_RAW, BytesHouse } from './bytes-house.ts';
import { alice, call, failure } from './house.ts';

const postgres = usePostgres();
let bytes: BytesHouse;
let mirror: FakeTarget;

beforeAll(async () => {
  mirror = await startFakeTarget({});
  bytes = await BytesHouse.open({
    database: await postgres.current.createDatabase(),
    ini: `download_allowed_networks = 127.0.0.0/8
[import_filtering_opts]
allowed_ports = []
[inject_metadata_properties]
inject = {"mark_1": "a", "mark_2": "b", "mark_3": "c"}
`,
  });
});
afterAll(async () => {
  await bytes[Symbol.asyncDispose]();
  await mirror[Symbol.asyncDispose]();
});

const content = randomBytes(100_000);

test('users who race an import for the last properties do not get past the quota', async () => {
  const own = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`own_${index}`, 'x']));
  const id = await bytes.house.createId({ ...BARE_RAW, ...own });
  await bytes.stage(id, content);
  const importing = bytes.imported(id, { method: { name: 'glance-direct' } });
  const patches = await Promise.all(
    Array.from({ length: 30 }, (_, index) =>
      failure(bytes.house.patch(id, [{ op: 'add', path: `/raced_${index}`, value: 'x' }])),
    ),
  );
  const end = await importing;
  const added = patches.filter((result) => result === 'succeeded').length;
  const counted = await bytes.house.rows(
    `SELECT count(*)::int AS own, count(*) FILTER (WHERE injected)::int AS injected
     FROM properties WHERE image_id = $1 AND name NOT LIKE 'os_glance%'`,
    [id],
  );
  if (end.startsWith('success'))
    expect({ added, counted }).toEqual({ added: 5, counted: [{ own: 128, injected: 3 }] });
  else {
    expect(end).toMatch(/^failure PROPERTY_QUOTA .* plus 3 injected exceed the maximum of 128\./);
    expect({ added, counted }).toEqual({ added: 8, counted: [{ own: 128, injected: 0 }] });
  }
});

test('an import outlives a restart of PostgreSQL', async () => {
  const id = await bytes.house.createId(BARE_RAW);
  mirror.answer({ body: Buffer.alloc(200), fault: 'slow-drip', dripMs: 20 });
  const task = await bytes.import(id, { method: { name: 'web-download', uri: `${mirror.url}disk.raw` } });
  await waitFor('it to begin', async () => (await bytes.house.get(id))['status'] === 'importing');
  await postgres.current.restart();
  await waitFor('images to be back', () => bytes.house.running.ready(), 30_000);
  expect((await bytes.taskEnd(task)).task).toMatchObject({ status: 'success', reason: '' });
  expect(await bytes.download(id)).toEqual(Buffer.alloc(200));
  await bytes.untilFilesOf(id, 'fast');
});

test('an upload whose end nobody can write down leaves the image queued', async () => {
  const id = await bytes.house.createId(BARE_RAW);
  const ticket = await bytes.prepareUpload(id);
  const arrived = Promise.withResolvers<undefined>();
  const stopped = Promise.withResolvers<undefined>();
  const body = async function* (): AsyncGenerator<Uint8Array, void> {
    yield content;
    arrived.resolve(undefined);
    await stopped.promise;
  };
  const put = failure(bytes.put('uploads', ticket, body()));
  await arrived.promise;
  await waitFor('the data to come', async () => (await bytes.house.get(id))['status'] === 'saving');
  await postgres.current.stop();
  stopped.resolve(undefined);
  expect(await put).toMatch(/^unavailable DATABASE_UNAVAILABLE/);
  await postgres.current.start();
  await waitFor('images to be back', () => bytes.house.running.ready(), 30_000);
  await waitFor(
    'the image to be queued',
    async () => (await bytes.house.get(id))['status'] === 'queued',
    20_000,
  );
  await bytes.untilFilesOf(id);
  await bytes.upload(id, content);
  await bytes.house.client.deleteImage({ caller: alice, id }, call());
});
