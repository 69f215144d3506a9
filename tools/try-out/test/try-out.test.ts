import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { waitFor } from '@hallmark/testing';

const MAIN = join(import.meta.dirname, '../src/main.ts');

/** Where the tested puts its temporary files. */
let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hallmark-try-out-test-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** `npm start`, without npm. */
class TryOut implements AsyncDisposable {
  readonly child: ChildProcess;
  output = '';

  constructor(...args: readonly string[]) {
    const env = { ...process.env, TMPDIR: directory };
    this.child = spawn(process.execPath, ['--conditions=@hallmark/source', MAIN, ...args], { env });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    }
  }

  async says(text: string): Promise<void> {
    await waitFor(`the try-out to say "${text}"`, () => this.output.includes(text), 60_000);
  }

  async exitCode(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
    return this.child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null) this.child.kill('SIGTERM');
    await this.exitCode();
  }
}

/** Command lines of the processes that were started with a configuration of this test's. */
async function processesLeft(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  // A process may end while its neighbour is read.
  const commands = await Promise.all(
    pids.map(async (pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return commands.filter((command) => command.includes(directory));
}

describe('npm start', () => {
  test('shows what came back and why, and leaves nothing behind', async () => {
    await using tryOut = new TryOut('--once');
    expect(await tryOut.exitCode()).toBe(0);

    expect(tryOut.output).toContain('identity, vendordata, instances, images, gateway are up');
    expect(tryOut.output).toContain('"licence": "LIC-1C77-071B"');
    expect(tryOut.output).toMatch(/inventory +fresh +[\d.]+ ms/);
    expect(tryOut.output).toMatch(/slow +fresh +[\d.]+ ms/);
    expect(tryOut.output).toMatch(/broken +omitted +[\d.]+ ms/);
    expect(tryOut.output).toMatch(/access +fresh +[\d.]+ ms/);
    expect(tryOut.output).toMatch(/slow +cached +[\d.]+ ms/);
    expect(tryOut.output).toMatch(
      /from the gateway's memory.*\n +POST \/vendordata\/inventory +-> +200 in [\d.]+ ms/,
    );
    expect(tryOut.output).toMatch(/POST \/v1\/instances +-> +201 in .*, mail-1 is ACTIVE/);
    expect(tryOut.output).toMatch(/GET \/openstack\/latest\/vendor_data2.json +-> +200/);
    expect(tryOut.output).toMatch(/"inventory": \{"asset":"HM-[0-9a-f]{8}".*"mail-operator"\]\}/);
    expect(tryOut.output).toMatch(/iso9660, \d+ bytes, sha256 [0-9a-f]{64}\n/);
    expect(tryOut.output).toMatch(/openstack\/latest\/vendor_data2.json +[1-9]\d+\n/);
    expect(tryOut.output).toMatch(/POST \/v1\/instances +-> +201 in .*, mail-2 is ERROR/);
    expect(tryOut.output).toContain('VENDORDATA_TARGET_FAILED: Target "inventory" failed');
    expect(tryOut.output).toMatch(
      /users-image is active\n {3}\{ "origin": "self-service", "trait:CUSTOM_USER_IMAGES": "required", "support"/,
    );
    expect(tryOut.output).toContain("its task: none of the user's roles is in ignore_user_roles (admin)");
    expect(tryOut.output).toMatch(/operators-image is active\n {3}none of the marks\n/);
    expect(tryOut.output).toContain('its task: role admin is in ignore_user_roles');
    expect(tryOut.output).toContain("->  403: Attribute 'trait:CUSTOM_USER_IMAGES' is reserved.");
    expect(tryOut.output).toMatch(/full-image is uploading\n.* 126 user properties plus 3 injected .* 128\./);
    expect(await readdir(directory)).toEqual([]);
    expect(await processesLeft()).toEqual([]);
  }, 120_000);

  test('stays up for the curl lines that it tells, until Ctrl-C', async () => {
    await using tryOut = new TryOut();
    await tryOut.says('Ctrl-C stops everything.');
    const curl = /^curl -i (\S+) -H '(\S+): (\S+)' -H '(\S+): (\S+)' -d '(.+)'$/m.exec(tryOut.output) ?? [];
    const [, url = '', type = '', json = '', auth = '', token = '', body = ''] = curl;
    const answer = await fetch(url, { method: 'POST', headers: { [type]: json, [auth]: token }, body });

    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ slow: { licence: 'LIC-1C77-071B' }, broken: {} });

    const image = /^curl -i (\S+) -H '(\S+): (\S+)' -H '(\S+): (\S+)' -d '(\{"name":"mine".+)'$/m;
    const [, images = '', ...parts] = image.exec(tryOut.output) ?? [];
    const [imageType = '', imageJson = '', imageAuth = '', imageToken = '', imageBody = ''] = parts;
    const created = await fetch(images, {
      method: 'POST',
      headers: { [imageType]: imageJson, [imageAuth]: imageToken },
      body: imageBody,
    });
    expect(created.status).toBe(201);
    expect(await created.json()).toMatchObject({ name: 'mine', status: 'queued' });
    expect(await processesLeft()).toHaveLength(6); // the five of Hallmark, and PostgreSQL

    // npm repeats the terminal's signal; two of the same kind, sent so fast, would arrive as one.
    tryOut.child.kill('SIGINT');
    tryOut.child.kill('SIGTERM');
    expect(await tryOut.exitCode()).toBe(0);
    expect(await readdir(directory)).toEqual([]);
    expect(await processesLeft()).toEqual([]);
  }, 120_000);

  test('may be stopped while it starts', async () => {
    await using tryOut = new TryOut();
    await waitFor('its first process', async () => (await processesLeft()).length > 0, 60_000);
    tryOut.child.kill('SIGTERM');

    expect(await tryOut.exitCode()).toBe(0);
    expect(tryOut.output).not.toContain('are up');
    expect(await readdir(directory)).toEqual([]);
    expect(await processesLeft()).toEqual([]);
  }, 120_000);
});
