import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Client, escapeIdentifier } from 'pg';
import type { Logger } from '@hallmark/runtime';
import { findBinaries, type Binaries } from './binaries.ts';
import { closeToOthers, makeDirectory, prepareData, USER, type DataDirectory } from './data-directory.ts';
import { lockDirectory } from './directory-lock.ts';
import { EmbeddedPostgresError } from './embedded-error.ts';
import { stopOrphan } from './orphan.ts';
import { choosePort } from './port.ts';
import { ServerProcess } from './server-process.ts';

export { EmbeddedPostgresError } from './embedded-error.ts';

export interface EmbeddedPostgresOptions {
  /** Keeps the data from one start to the next. Without it they are in a temporary place and go at the end. */
  readonly directory?: string;
  readonly log?: Logger;
  /** More settings of PostgreSQL, such as `{ max_connections: '20' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

const DATABASE = 'hallmark';
/** The sessions of a server that was killed find out within moments, and hold its memory until then. */
const FORMER_SESSIONS = /pre-existing shared memory block|lock file ".*" already exists/;
const PORT_TAKEN = /could not bind|Address already in use/;
const RETRIES = 100;
const RETRY_MS = 100;

/**
 * A PostgreSQL of our own on this machine, from the binaries that npm carries: for the try-out, for tests and
 * for a Hallmark on one machine. It listens on loopback, on the same port each time when that is free, with a
 * password that was made for it.
 */
export class EmbeddedPostgres implements AsyncDisposable {
  /** For `[postgres] url`. Holds the password. */
  readonly url: string;
  readonly directory: string;
  /** Holds the password on one line, readable by nobody else. */
  readonly passwordFile: string;
  readonly #server: ServerProcess;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    directory: string,
    data: DataDirectory,
    port: number,
    server: ServerProcess,
    resources: AsyncDisposableStack,
  ) {
    this.url = urlOf(data, port, DATABASE);
    this.directory = directory;
    this.passwordFile = data.passwordFile;
    this.#server = server;
    this.#resources = resources;
  }

  /** Resolves when it takes connections. Throws EmbeddedPostgresError. */
  static async start(options: EmbeddedPostgresOptions = {}): Promise<EmbeddedPostgres> {
    const binaries = findBinaries();
    await using resources = new AsyncDisposableStack();
    const directory = await makeDirectory(resolve(options.directory ?? (await temporary(resources))));
    resources.use(await lockDirectory(directory));
    const data = await prepareData(directory, binaries, options.directory !== undefined);
    await stopOrphan(data.data);
    const { server, port } = await startServer(binaries, data, options);
    resources.defer(() => server.stop());
    await makeDatabase(urlOf(data, port, 'postgres'));
    return new EmbeddedPostgres(directory, data, port, server, resources.move());
  }

  /** Resolves when it is not running any more, for whatever reason. */
  get ended(): Promise<void> {
    return this.#server.ended;
  }

  get pid(): number {
    return this.#server.pid;
  }

  /** Ends it as a crash would, at once. What has been committed is there after the next start in this directory. */
  async kill(): Promise<void> {
    await this.#server.kill();
  }

  /** Ends all sessions and stops it. What is in a temporary place is removed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

async function temporary(resources: AsyncDisposableStack): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'hallmark-postgres-'));
  resources.defer(async () => rm(directory, { recursive: true, force: true }));
  await closeToOthers(directory);
  return directory;
}

async function startServer(
  { postgres }: Binaries,
  { account, data, portFile }: DataDirectory,
  { log, settings = {} }: EmbeddedPostgresOptions,
): Promise<{ server: ServerProcess; port: number }> {
  for (let attempt = 1; ; attempt++) {
    const port = await choosePort(portFile);
    try {
      const server = await ServerProcess.start({ postgres, account, data, port, settings, log });
      await writeFile(portFile, String(port));
      return { server, port };
    } catch (error) {
      if (attempt > RETRIES || !(error instanceof EmbeddedPostgresError)) throw error;
      if (PORT_TAKEN.test(error.message)) continue;
      if (!FORMER_SESSIONS.test(error.message)) throw error;
      await wait(RETRY_MS);
    }
  }
}

async function makeDatabase(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${escapeIdentifier(DATABASE)}`);
  } finally {
    await client.end();
  }
}

const urlOf = ({ password }: DataDirectory, port: number, database: string): string =>
  `postgresql://${USER}:${password}@127.0.0.1:${port}/${database}`;
