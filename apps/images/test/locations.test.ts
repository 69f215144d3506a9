import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { startFakeTarget, usePostgres, waitFor, type FakeTarget } from '@hallmark/testing';
import { BARE_RAW, BytesHouse, pieces } from './bytes-house.ts';
import { admin, alice, call, failure } from './house.ts';

// `image_location_quota`: every store that has an image's data is one location of it.

const postgres = usePostgres();
let bytes: BytesHouse;
let mirror: FakeTarget;

const ini = (quota: number): string => `download_allowed_networks = 127.0.0.0/8
import_concurrency = 1
[import_filtering_opts]
allowed_ports = []
[DEFAULT]
image_location_quota = ${quota}
`;
const DIRECT = { method: { name: 'glance-direct' } };
const ALL = { ...DIRECT, all_stores: true };
const COPY = { method: { name: 'copy-image' }, stores: ['slow'] };
const content = randomBytes(10_000);

const refused = (attempted: number, maximum: number): string =>
  `over-quota LOCATION_QUOTA The limit has been exceeded on the number of allowed image locations. Attempted: ${attempted}, Maximum: ${maximum}`;

beforeAll(async () => {
  mirror = await startFakeTarget({});
  bytes = await BytesHouse.open({ database: await postgres.current.createDatabase(), ini: ini(1) });
});
afterAll(async () => {
  await bytes[Symbol.asyncDispose]();
  await mirror[Symbol.asyncDispose]();
});
afterEach(() => bytes.reload(ini(1)));

const newImage = (): Promise<string> => bytes.house.createId(BARE_RAW);

async function staged(): Promise<string> {
  const id = await newImage();
  await bytes.stage(id, content);
  return id;
}

describe('The quota of locations', () => {
  test('refuses an import into more stores, for anybody, and takes one into fewer', async () => {
    const id = await staged();
    expect(await failure(bytes.import(id, ALL))).toBe(refused(2, 1));
    expect(await failure(bytes.import(id, { ...DIRECT, stores: ['slow', 'fast'] }, admin))).toBe(
      refused(2, 1),
    );
    expect(await bytes.house.get(id)).toMatchObject({ status: 'uploading' });
    expect(await bytes.house.get(id)).not.toHaveProperty('os_glance_import_task');
    expect(await bytes.imported(id, { ...DIRECT, stores: ['slow'] })).toMatch(/^success/);
  });

  test('counts the copies that there are when more are made', async () => {
    const id = await newImage();
    await bytes.upload(id, content);
    expect(await failure(bytes.import(id, COPY, admin))).toBe(refused(2, 1));
    await bytes.reload(ini(2));
    expect(await bytes.imported(id, COPY, admin)).toMatch(/^success/);
    await bytes.house.client.deleteFromStore({ caller: admin, storeId: 'fast', id }, call());
    await bytes.reload(ini(1));
    expect(await bytes.house.get(id)).toMatchObject({ stores: 'slow', status: 'active' });
  });

  test('is counted again when the data is there', async () => {
    const id = await newImage();
    const ticket = await bytes.prepareUpload(id, content.length);
    await bytes.reload(ini(0));
    expect(await failure(bytes.put('uploads', ticket, pieces(content)))).toBe(refused(1, 0));
    expect(await bytes.house.get(id)).toMatchObject({ status: 'queued' });
    await bytes.untilFilesOf(id);
    expect(await failure(bytes.prepareUpload(id))).toBe(refused(1, 0));
  });

  test('is counted again when an import begins, and fails it so that it can be repeated', async () => {
    await bytes.reload(ini(2));
    const first = await newImage();
    mirror.answer({ body: content, fault: 'hang-in-body' });
    const uri = `${mirror.url}disk`;
    const hanging = await bytes.import(first, { method: { name: 'web-download', uri } });
    await waitFor('it to begin', async () => (await bytes.house.get(first))['status'] === 'importing');
    const id = await staged();
    const waiting = await bytes.import(id, ALL);
    await bytes.reload(ini(1));
    await bytes.house.client.cancelTask({ caller: alice, id: hanging }, call());
    const { task, document } = await bytes.taskEnd(waiting);
    expect(task).toMatchObject({ status: 'failure', reason: 'LOCATION_QUOTA' });
    expect(document['message']).toBe(
      'The limit has been exceeded on the number of allowed image locations. Attempted: 2, Maximum: 1. ' +
        'The image is uploading again and its staged data is kept: it can be imported again.',
    );
    expect(await bytes.imported(id, DIRECT)).toMatch(/^success/);
  });

  test('of -1 is none', async () => {
    await bytes.reload(ini(-1));
    expect(await bytes.imported(await staged(), ALL)).toMatch(/^success/);
  });
});
