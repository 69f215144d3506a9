import { afterAll, beforeAll } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig, testContext } from '@hallmark/runtime';
import { Database, EmbeddedPostgres } from '../src/index.ts';

/** A PostgreSQL whose life the tests of one file decide, and databases in it. */
export class House {
  readonly #parent: string;
  #server: EmbeddedPostgres;

  private constructor(parent: string, server: EmbeddedPostgres) {
    this.#parent = parent;
    this.#server = server;
  }

  static async open(): Promise<House> {
    const parent = await mkdtemp(join(tmpdir(), 'hallmark-house-'));
    return new House(parent, await EmbeddedPostgres.start({ directory: join(parent, 'postgres') }));
  }

  get server(): EmbeddedPostgres {
    return this.#server;
  }

  /** A schema is as good as a database of one's own. */
  database<Schema>(schema: string, options = ''): Database<Schema> {
    const { postgres } = parseConfig(`[postgres]\nurl = ${this.#server.url}\n${options}`);
    return Database.open<Schema>(postgres, { schema, ...testContext('postgres') });
  }

  async stop(): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }

  async crash(): Promise<void> {
    await this.#server.kill();
    await this.stop();
  }

  async start(): Promise<void> {
    this.#server = await EmbeddedPostgres.start({ directory: this.#server.directory });
  }

  async close(): Promise<void> {
    await this.stop();
    await rm(this.#parent, { recursive: true, force: true });
  }
}

/** One house for the tests of a file. */
export function useHouse(): { readonly current: House } {
  let house: House | undefined;
  beforeAll(async () => {
    house = await House.open();
  }, 60_000);
  afterAll(async () => {
    await house?.close();
  }, 60_000);
  return {
    get current() {
      if (house === undefined) throw new Error('The house is open only while tests run.');
      return house;
    },
  };
}
