import { randomUUID } from 'node:crypto';
import { mkdtemp, chmod, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, escapeIdentifier } from 'pg';
import { EmbeddedPostgres } from '@hallmark/postgres';
import { jestHooks } from './jest-globals.ts';

/** Nothing has to outlive this machine. What is written survives a crash of the server all the same. */
const SETTINGS = { fsync: 'off', max_connections: '300' };

/** A PostgreSQL for tests, in which each can have a database of its own, and whose life they decide. */
export class TestPostgres implements AsyncDisposable {
  readonly #directory: string;
  #server: EmbeddedPostgres;

  private constructor(directory: string, server: EmbeddedPostgres) {
    this.#directory = directory;
    this.#server = server;
  }

  static async start(): Promise<TestPostgres> {
    const directory = await mkdtemp(join(tmpdir(), 'hallmark-test-postgres-'));
    await chmod(directory, 0o711); // a PostgreSQL of root's runs under another account
    return new TestPostgres(directory, await startIn(directory));
  }

  /** The URL of a database that there is always. It stays the same over a restart. */
  get url(): string {
    return this.#server.url;
  }

  /** The URL, for `[postgres] url`, of a new and empty database. It is gone with the server. */
  async createDatabase(): Promise<string> {
    const name = `test_${randomUUID().replaceAll('-', '')}`;
    const client = new Client({ connectionString: this.url });
    await client.connect();
    try {
      await client.query(`CREATE DATABASE ${escapeIdentifier(name)}`);
    } finally {
      await client.end();
    }
    const url = new URL(this.url);
    url.pathname = `/${name}`;
    return url.href;
  }

  /** Ends it in order: every session is ended. */
  async stop(): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }

  /** Ends it as a crash or a power cut would. */
  async kill(): Promise<void> {
    await this.#server.kill();
    await this.stop();
  }

  /** Starts it again, at the same address, with all that was committed. */
  async start(): Promise<void> {
    this.#server = await startIn(this.#directory);
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

const startIn = (directory: string): Promise<EmbeddedPostgres> =>
  EmbeddedPostgres.start({ directory: join(directory, 'postgres'), settings: SETTINGS });

/** `initdb` on a machine that has much else to do. */
const START_TIMEOUT_MS = 120_000;

/** One PostgreSQL for the tests of the surrounding `describe` or file, with `current` to reach it from inside them. */
export function usePostgres(): { readonly current: TestPostgres } {
  const { beforeAll, afterAll } = jestHooks();
  let server: TestPostgres | undefined;
  beforeAll(async () => {
    server = await TestPostgres.start();
  }, START_TIMEOUT_MS);
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  }, START_TIMEOUT_MS);
  return {
    get current() {
      if (server === undefined) throw new Error('PostgreSQL runs only while the tests of its suite do.');
      return server;
    },
  };
}
