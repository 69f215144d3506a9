import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startFakeKeystone, waitFor, type FakeKeystone } from '@hallmark/testing';
import type { AppName } from '../src/index.ts';
import { addresses, choosePorts, type Ports } from '../src/ports.ts';

const MAIN = join(import.meta.dirname, '../src/main.ts');

let keystone: FakeKeystone;
let ports: Ports;
let directory = '';
let config = '';

beforeEach(async () => {
  keystone = await startFakeKeystone();
  ports = await choosePorts();
  directory = await mkdtemp(join(tmpdir(), 'hallmark-serve-'));
  config = join(directory, 'hallmark.conf');
  await writeFile(config, configuration('info'));
});
afterEach(async () => {
  await keystone[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

function configuration(level: string, instances = false): string {
  return `[keystone_authtoken]
auth_type = password
auth_url = ${keystone.url}/v3
username = hallmark
password = hallmark-secret
user_domain_name = Default
project_name = service
project_domain_name = Default
[log]
level = ${level}
${addresses(ports, { instances })}`;
}

/** Configures instances without a database. Returns where the one that is started keeps its data. */
async function embedPostgres(): Promise<string> {
  const data = join(directory, 'postgres');
  const proxy = '[neutron]\nservice_metadata_proxy = true\nmetadata_proxy_shared_secret = secret\n';
  await chmod(directory, 0o711); // root's PostgreSQL runs under another account
  await writeFile(config, `${configuration('info', true)}[postgres]\ndata_directory = ${data}\n${proxy}`);
  return data;
}

async function postmaster(data: string): Promise<number> {
  return Number((await readFile(join(data, 'data/postmaster.pid'), 'utf8')).split('\n')[0]);
}

async function untilReady(app: AppName): Promise<void> {
  await waitFor(
    `${app} to be ready`,
    async () => (await fetch(`http://127.0.0.1:${ports.ops.get(app) ?? 0}/readyz`)).ok,
    60_000,
  );
}

/** `npm run serve -- …`, without npm. */
class Serve implements AsyncDisposable {
  readonly child: ChildProcess;
  output = '';

  constructor(...args: readonly string[]) {
    this.child = spawn(process.execPath, ['--conditions=@hallmark/source', MAIN, ...args]);
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    }
  }

  /** The process ids of the apps that say they listen, by name. */
  async listening(...apps: readonly string[]): Promise<Map<string, number>> {
    return await waitFor(
      `${apps.join(', ')} to listen`,
      () => {
        const lines = this.jsonLines().filter(({ msg }) => msg === 'listening');
        return lines.length === apps.length && new Map(lines.map(({ app, pid }) => [app, pid]));
      },
      60_000,
    );
  }

  jsonLines(): { app: string; pid: number; msg: string }[] {
    const lines = this.output.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'));
    return lines.map((line) => JSON.parse(line) as { app: string; pid: number; msg: string });
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

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('npm run serve', () => {
  test('passes on what the apps say, and ends well when all of them do', async () => {
    await using serve = new Serve('--config-file', config);
    const pids = await serve.listening('identity', 'vendordata', 'gateway');

    serve.child.kill('SIGTERM');
    expect(await serve.exitCode()).toBe(0);
    for (const pid of pids.values()) expect(isAlive(pid)).toBe(false);
    expect(serve.jsonLines().filter(({ msg }) => msg === 'stopped')).toHaveLength(3);
  }, 120_000);

  test('starts only what is named, and takes the repeated Ctrl-C of npm for one', async () => {
    await using serve = new Serve('identity', 'vendordata', '--config-file', config);
    const pids = await serve.listening('identity', 'vendordata');
    expect([...pids.keys()].sort()).toEqual(['identity', 'vendordata']);

    // Two of the same kind, sent so fast, would arrive as one.
    serve.child.kill('SIGINT');
    serve.child.kill('SIGTERM');
    expect(await serve.exitCode()).toBe(0);
    expect(serve.output).not.toContain('second signal');
  }, 120_000);

  test('stops the others when one ends, and says so', async () => {
    await using serve = new Serve('--config-file', config, 'identity', 'vendordata');
    const pids = await serve.listening('identity', 'vendordata');

    process.kill(pids.get('identity') ?? 0, 'SIGKILL');
    expect(await serve.exitCode()).toBe(1);
    expect(serve.output).toContain('serve: identity was ended by SIGKILL; stopping the others.');
    expect(isAlive(pids.get('vendordata') ?? 0)).toBe(false);
  }, 120_000);

  test('makes the apps read their configuration again', async () => {
    await using serve = new Serve('--config-file', config, 'identity');
    await serve.listening('identity');

    serve.child.kill('SIGHUP');
    await waitFor('the app to read it', () => serve.output.includes('the configuration has been read again'));
    serve.child.kill('SIGTERM');
    expect(await serve.exitCode()).toBe(0);
  }, 120_000);

  test('starts a PostgreSQL for the apps that need one, and stops it last', async () => {
    const data = await embedPostgres();
    await using serve = new Serve('--config-file', config);
    const pids = await serve.listening('identity', 'vendordata', 'instances', 'gateway');
    const server = await postmaster(data);
    expect(isAlive(server)).toBe(true);
    await untilReady('instances');

    serve.child.kill('SIGTERM');
    expect(await serve.exitCode()).toBe(0);
    for (const pid of [...pids.values(), server]) expect(isAlive(pid)).toBe(false);
    // The password of the database.
    expect(serve.output).not.toContain(await readFile(join(data, 'password'), 'utf8'));
  }, 120_000);

  test('stops the apps when that PostgreSQL ends', async () => {
    const data = await embedPostgres();
    await using serve = new Serve('--config-file', config, 'instances');
    const pids = await serve.listening('instances');
    process.kill(await postmaster(data), 'SIGKILL');
    expect(await serve.exitCode()).toBe(1);
    expect(serve.output).toContain('serve: PostgreSQL ended; stopping the apps.');
    for (const pid of pids.values()) expect(isAlive(pid)).toBe(false);
  }, 120_000);

  test('names each fault of the configuration once, and starts nothing', async () => {
    await writeFile(
      config,
      `${await readFile(config, 'utf8')}[log]\nlevle = info\n[gateway]\nworkers = many\n`,
    );
    await using serve = new Serve('--config-file', config);
    expect(await serve.exitCode()).toBe(1);
    expect(serve.output.match(/levle/g)).toHaveLength(1);
    expect(serve.output).toMatch(/^serve: .*hallmark\.conf:\d+: \[gateway\] workers: /m);
  }, 120_000);

  test('knows its apps', async () => {
    await using serve = new Serve('gatway');
    expect(await serve.exitCode()).toBe(2);
    expect(serve.output).toContain(
      'There is no app gatway. The apps are: identity, vendordata, instances, images, gateway.',
    );
  }, 120_000);
});
