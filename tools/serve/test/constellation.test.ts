import { randomUUID } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startFakeKeystone, type FakeKeystone } from '@hallmark/testing';
import { APPS, Constellation, StartFailure } from '../src/index.ts';

let keystone: FakeKeystone;
let name = '';
beforeEach(async () => {
  name = `constellation-${randomUUID()}`;
  keystone = await startFakeKeystone();
});
afterEach(async () => {
  await keystone[Symbol.asyncDispose]();
});

async function start(config: string, signal?: AbortSignal): Promise<Constellation> {
  const account = { url: keystone.url, username: 'hallmark', password: 'hallmark-secret' };
  return await Constellation.start({ name, keystone: account, config, signal });
}

/** The directories that this test's constellations have now. */
async function directories(): Promise<string[]> {
  return (await readdir(tmpdir())).filter((entry) => entry.startsWith(name));
}

describe('a constellation', () => {
  test('is ready, in a directory that only we can read, and leaves nothing behind', async () => {
    await using constellation = await start('');
    const pids = [...constellation.programs.values()].map(({ pid }) => pid);

    expect([...constellation.programs.keys()]).toEqual([...APPS]);
    for (const app of APPS) expect((await fetch(`${constellation.opsUrl(app)}/readyz`)).status).toBe(200);
    expect(await directories()).toEqual([basename(constellation.directory)]);
    expect((await stat(constellation.directory)).mode & 0o777).toBe(0o700);
    expect((await stat(constellation.configFile)).mode & 0o777).toBe(0o600);

    await constellation[Symbol.asyncDispose]();
    expect(await directories()).toEqual([]);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  }, 120_000);

  test('does not read the environment of whoever starts it', async () => {
    process.env['OS_GATEWAY__WORKERS'] = 'many';
    try {
      await using constellation = await start('');
      expect(constellation.programs.size).toBe(APPS.length);
    } finally {
      delete process.env['OS_GATEWAY__WORKERS'];
    }
  }, 120_000);

  test('says which process did not come up, and why in its own words', async () => {
    const starting = start('[vendordata]\nworkerss = 2\n');
    await expect(starting).rejects.toThrow(StartFailure);
    await expect(starting).rejects.toThrow(
      /did not come up: it ended with exit code \d+.*workerss: unknown option/s,
    );
    expect(await directories()).toEqual([]);
  }, 120_000);

  test('is gone when its start is given up', async () => {
    const stop = new AbortController();
    const starting = start('', stop.signal);
    setTimeout(() => stop.abort(new Error('enough')), 50);
    await expect(starting).rejects.toThrow('enough');
    expect(await directories()).toEqual([]);
  }, 120_000);
});
