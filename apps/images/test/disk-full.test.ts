import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { usePostgres, waitFor } from '@hallmark/testing';
import { BARE_RAW, BytesHouse } from './bytes-house.ts';
import { alice, failure } from './house.ts';

// Disks of one MiB and of four. Making one takes a privilege that not every machine gives.

const [tiny, small] = [
  mkdtempSync(join(tmpdir(), 'hallmark-tiny-')),
  mkdtempSync(join(tmpdir(), 'hallmark-small-')),
];
const mount = (path: string, size: string): boolean =>
  spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path]).status === 0;
const hasDisks = mount(tiny, '1m') && mount(small, '4m');
const postgres = usePostgres();
let bytes: BytesHouse;

beforeAll(async () => {
  bytes = await BytesHouse.open({
    database: await postgres.current.createDatabase(),
    ini: `[DEFAULT]\nenabled_backends = fast:file, tiny:file\n[tiny]\nfilesystem_store_datadir = ${tiny}\n[os_glance_staging_store]\nfilesystem_store_datadir = ${small}\n`,
  });
});
afterAll(async () => {
  await bytes[Symbol.asyncDispose]();
  for (const disk of [tiny, small]) {
    if (hasDisks) spawnSync('umount', [disk]);
    rmSync(disk, { recursive: true, force: true });
  }
});

const onTinyDisks = hasDisks ? test : test.skip;
if (!hasDisks) process.stderr.write('skipped, because this account may mount nothing: full disks\n');

onTinyDisks('an upload to a full disk is 413, the image queued, and the disk free again', async () => {
  const id = await bytes.house.createId(BARE_RAW);
  const upload = bytes.upload(id, randomBytes(3_000_000), alice, 'tiny');
  expect(await failure(upload)).toMatch(/^over-quota STORE_FULL Image storage media is full: /);
  expect(await bytes.house.get(id)).toMatchObject({ status: 'queued', size: null });
  expect(readdirSync(tiny)).toEqual([]);
  await bytes.upload(id, randomBytes(500_000), alice, 'tiny');
});

onTinyDisks('an import to a full disk keeps what was staged', async () => {
  const id = await bytes.house.createId(BARE_RAW);
  await bytes.stage(id, randomBytes(3_000_000));
  expect(await bytes.imported(id, { method: { name: 'glance-direct' }, stores: ['tiny'] })).toMatch(
    /^failure STORE_FULL Image storage media is full: .* The image is uploading again and its staged data is kept/,
  );

  // What is staged meanwhile finds no room, and leaves none taken.
  const other = await bytes.house.createId(BARE_RAW);
  const stage = bytes.stage(other, randomBytes(3_000_000));
  expect(await failure(stage)).toMatch(/^over-quota STORE_FULL Image storage media is full: /);
  expect(await bytes.house.get(other)).toMatchObject({ status: 'queued', size: null });
  expect(readdirSync(small).filter((name) => name.startsWith(other))).toEqual([]);

  expect(await bytes.imported(id, { method: { name: 'glance-direct' }, stores: ['fast'] })).toMatch(
    /^success/,
  );
  await waitFor('the staged data to be gone', () => readdirSync(small).length === 0, 20_000);
  await bytes.stage(other, randomBytes(3_000_000));
});
