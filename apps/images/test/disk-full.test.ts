import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { usePostgres } from '@hallmark/testing';
import { BARE_RAW, BytesHouse } from './bytes-house.ts';
import { alice, failure } from './house.ts';

// A disk of one MiB. Making one takes a privilege that not every machine gives.

const disk = mkdtempSync(join(tmpdir(), 'hallmark-tiny-'));
const hasDisk = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]).status === 0;
const postgres = usePostgres();
let bytes: BytesHouse;

beforeAll(async () => {
  bytes = await BytesHouse.open({
    database: await postgres.current.createDatabase(),
    ini: `[DEFAULT]\nenabled_backends = fast:file, tiny:file\n[tiny]\nfilesystem_store_datadir = ${disk}\n`,
  });
});
afterAll(async () => {
  await bytes[Symbol.asyncDispose]();
  if (hasDisk) spawnSync('umount', [disk]);
  rmSync(disk, { recursive: true, force: true });
});

const onTinyDisk = hasDisk ? test : test.skip;
if (!hasDisk) process.stderr.write('skipped, because this account may mount nothing: a full disk\n');

onTinyDisk('an upload to a full disk is 413, the image queued, and the disk free again', async () => {
  const id = await bytes.house.createId(BARE_RAW);
  const upload = bytes.upload(id, randomBytes(3_000_000), alice, 'tiny');
  expect(await failure(upload)).toMatch(/^over-quota STORE_FULL Image storage media is full: /);
  expect(await bytes.house.get(id)).toMatchObject({ status: 'queued', size: null });
  expect(readdirSync(disk)).toEqual([]);
  await bytes.upload(id, randomBytes(500_000), alice, 'tiny');
});

onTinyDisk('an import to a full disk keeps what was staged', async () => {
  const id = await bytes.house.createId(BARE_RAW);
  await bytes.stage(id, randomBytes(3_000_000));
  expect(await bytes.imported(id, { method: { name: 'glance-direct' }, stores: ['tiny'] })).toMatch(
    /^failure STORE_FULL Image storage media is full: .* The image is uploading again and its staged data is kept/,
  );
  expect(await bytes.imported(id, { method: { name: 'glance-direct' }, stores: ['fast'] })).toMatch(
    /^success/,
  );
});
