import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { startFakeTarget, usePostgres, waitFor, type FakeTarget } from '@hallmark/testing';
import { BytesHouse } from './bytes-house.ts';
import { iso, qcow2, vmdk } from './disk-images.ts';
import { call, failure, parsed, type Json } from './house.ts';

// What data is, against what its image is declared to be, at every door through which it comes.

const postgres = usePostgres();
let bytes: BytesHouse;
let mirror: FakeTarget;

const INI = `download_allowed_networks = 127.0.0.0/8
[import_filtering_opts]
allowed_ports = []
[inject_metadata_properties]
inject = origin:users
`;
const DIRECT = { method: { name: 'glance-direct' } };
const GIB = 1_073_741_824;
const AGAIN =
  'The image is queued again without this data: its disk_format can be changed, and other data imported.';

beforeAll(async () => {
  mirror = await startFakeTarget({});
  bytes = await BytesHouse.open({ database: await postgres.current.createDatabase(), ini: INI });
});
afterAll(async () => {
  await bytes[Symbol.asyncDispose]();
  await mirror[Symbol.asyncDispose]();
});

const newImage = (format: string, container = 'bare'): Promise<string> =>
  bytes.house.createId({ container_format: container, disk_format: format });

const download = (): Json => ({ method: { name: 'web-download', uri: `${mirror.url}disk` } });

describe('PUT file', () => {
  test.each([
    ['qcow2', qcow2(), 10 * GIB],
    ['vmdk', vmdk(), 52_428_800],
    ['iso', iso(), 204_800],
    ['raw', qcow2(), 65_536],
  ])('takes %s that is one, and says how large a guest sees it', async (format, data, size) => {
    const id = await newImage(format);
    await bytes.upload(id, data);
    expect(await bytes.house.get(id)).toMatchObject({
      status: 'active',
      size: data.length,
      virtual_size: size,
    });
  });

  test.each([
    [
      'qcow2',
      Buffer.alloc(5_000_000, 'no image'),
      "CONTENT_MISMATCH Content does not match expected format 'qcow2'",
    ],
    ['iso', vmdk(), "CONTENT_MISMATCH Content does not match expected format 'iso'"],
    ['vmdk', Buffer.alloc(0), "CONTENT_MISMATCH Content does not match expected format 'vmdk'"],
    [
      'qcow2',
      qcow2({ backingFileAt: 512n }),
      'CONTENT_UNSAFE Image failed safety checks: it has a backing file',
    ],
    [
      'qcow2',
      qcow2({ features: 4n }),
      'CONTENT_UNSAFE Image failed safety checks: it has an external data file',
    ],
  ])('refuses %s that is none or unsafe, and leaves it queued and nothing behind', async (as, data, why) => {
    const id = await newImage(as);
    expect(await failure(bytes.upload(id, data))).toBe(`invalid ${why}`);
    expect(await bytes.house.get(id)).toMatchObject({ status: 'queued', size: null, virtual_size: null });
    await bytes.untilFilesOf(id);
    await bytes.house.patch(id, [{ op: 'replace', path: '/disk_format', value: 'raw' }]);
    await bytes.upload(id, data);
  });

  test('looks at nothing in a container', async () => {
    const id = await newImage('vmdk', 'ova');
    await bytes.upload(id, Buffer.from('an archive'));
    expect(await bytes.house.get(id)).toMatchObject({ status: 'active', virtual_size: null });
  });
});

describe('an import', () => {
  test('of staged data that is something else drops it, and the image can be told anew', async () => {
    const id = await newImage('qcow2');
    await bytes.stage(id, iso());
    expect(await bytes.imported(id, DIRECT)).toBe(
      `failure CONTENT_MISMATCH Content does not match expected format 'qcow2'. ${AGAIN}`,
    );
    expect(await bytes.house.get(id)).toMatchObject({
      status: 'queued',
      size: null,
      os_glance_failed_import: 'fast',
    });
    expect(await bytes.house.get(id)).not.toHaveProperty('origin');
    await bytes.untilFilesOf(id);

    await bytes.house.patch(id, [{ op: 'replace', path: '/disk_format', value: 'iso' }]);
    await bytes.stage(id, iso());
    expect(await bytes.imported(id, DIRECT)).toMatch(/^success/);
    expect(await bytes.house.get(id)).toMatchObject({
      status: 'active',
      virtual_size: 204_800,
      origin: 'users',
    });
    await bytes.untilFilesOf(id, 'fast');
  });

  test('of unsafe data into stores of which one would do is not tried with the other', async () => {
    const id = await newImage('qcow2');
    mirror.answer({ body: qcow2({ backingFileAt: 1n }) });
    const asked = mirror.requests.length;
    const body = { ...download(), all_stores: true, all_stores_must_succeed: false };
    expect(await bytes.imported(id, body)).toBe(
      `failure CONTENT_UNSAFE Image failed safety checks: it has a backing file. ${AGAIN}`,
    );
    expect(mirror.requests).toHaveLength(asked + 1);
    expect(await bytes.house.get(id)).toMatchObject({
      status: 'queued',
      os_glance_failed_import: 'fast,slow',
    });
  });

  test('of a URL that leads to something else leaves the image queued', async () => {
    const id = await newImage('vmdk');
    mirror.answer({ body: iso() });
    expect(await bytes.imported(id, download())).toBe(
      `failure CONTENT_MISMATCH Content does not match expected format 'vmdk'. ${AGAIN}`,
    );
    mirror.answer({ body: vmdk() });
    expect(await bytes.imported(id, download())).toMatch(/^success/);
    expect(await bytes.house.get(id)).toMatchObject({ status: 'active', virtual_size: 52_428_800 });
  });

  test('holds what it has looked at against what the image is called in the end', async () => {
    const id = await newImage('raw');
    mirror.answer({ body: Buffer.alloc(2_000), fault: 'slow-drip', dripMs: 5 });
    const task = await bytes.import(id, download());
    await waitFor('it to begin', async () => (await bytes.house.get(id))['status'] === 'importing');
    await bytes.house.patch(id, [{ op: 'replace', path: '/disk_format', value: 'qcow2' }]);
    const { task: ended } = await bytes.taskEnd(task);
    expect(ended).toMatchObject({ status: 'failure', reason: 'FORMATS_CHANGED' });
    expect(await bytes.house.get(id)).toMatchObject({ status: 'queued', disk_format: 'qcow2' });
    await bytes.untilFilesOf(id);
  });
});

describe('[image_format]', () => {
  afterEach(() => bytes.reload(INI));
  const configured = (options: string): Promise<void> => bytes.reload(`${INI}[image_format]\n${options}\n`);

  test('takes anything for anything without require_image_format_match, but nothing unsafe', async () => {
    await configured('require_image_format_match = false');
    const id = await newImage('qcow2');
    await bytes.upload(id, Buffer.from('text'));
    expect(await bytes.house.get(id)).toMatchObject({ status: 'active', virtual_size: null });
    expect(await failure(bytes.upload(await newImage('qcow2'), qcow2({ backingFileAt: 1n })))).toMatch(
      /^invalid CONTENT_UNSAFE/,
    );
  });

  test('says which kinds of VMDK are taken', async () => {
    await configured('vmdk_allowed_types = streamOptimized');
    expect(await failure(bytes.upload(await newImage('vmdk'), vmdk()))).toBe(
      'invalid CONTENT_UNSAFE Image failed safety checks: its VMDK createType is not among vmdk_allowed_types',
    );
  });

  test('says what formats there are, in the schema as well', async () => {
    await configured('disk_formats = raw,gpt\ncontainer_formats = bare');
    const { json } = await bytes.house.client.getSchema({ name: 'image' }, call());
    expect(parsed(json)['properties']).toMatchObject({
      disk_format: { enum: [null, 'raw', 'gpt'] },
      container_format: { enum: [null, 'bare'] },
    });
    expect(await failure(newImage('qcow2'))).toBe(
      "invalid SCHEMA_MISMATCH Provided object does not match schema 'image': 'qcow2' is not one of [None, 'raw', 'gpt']",
    );
    const id = await newImage('raw');
    expect(
      await failure(bytes.house.patch(id, [{ op: 'replace', path: '/container_format', value: 'ova' }])),
    ).toMatch(/^invalid SCHEMA_MISMATCH .*'ova' is not one of \[None, 'bare'\]/);
    expect(await failure(bytes.upload(await newImage('gpt'), iso()))).toMatch(/^invalid CONTENT_MISMATCH/);
  });
});
