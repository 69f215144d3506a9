import { jest } from '@jest/globals';
import { Client } from 'pg';
import { images } from '@hallmark/contracts';
import { HallmarkError } from '@hallmark/errors';
import { createRpcClient, type CallOptions, type RpcClient } from '@hallmark/rpc';
import {
  createLogger,
  newRequestId,
  parseConfig,
  Registry,
  testContext,
  type RunningApp,
} from '@hallmark/runtime';
import { waitFor } from '@hallmark/testing';
import type { ResolveHost } from '../src/imports/web-download/web-download.ts';
import { startImages } from '../src/index.ts';

// On a busy machine everything may take ten times as long; no test waits for a time to pass for nothing.
jest.setTimeout(60_000);

export const DEMO = 'b1c0ec969e3a4133bea1e08f2c92ec8d';
export const OTHER = '86bd417aa7674662b469bbc379c1b5da';

const person = (userId: string, projectId: string, ...roles: string[]): images.Caller =>
  images.Caller.fromPartial({ userId, projectId, roles });

/** The users of the transcripts. */
export const alice = person('alice', DEMO, 'member', 'reader');
export const carol = person('carol', DEMO, 'reader');
export const dave = person('dave', OTHER, 'member', 'reader');
export const admin = person('admin', 'cd86cebdc902416a9554530cef4d195c', 'admin', 'member', 'reader');

export type Json = Record<string, unknown>;

export const call = (): CallOptions => ({ requestId: newRequestId(), timeoutMs: 20_000 });
export const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
export const parsed = (json: Buffer): Json => JSON.parse(json.toString()) as Json;

export interface HouseOptions {
  /** `[postgres] url` of a database of its own. */
  readonly database: string;
  /** More options. */
  readonly ini?: string;
  /** What web-download is told of names. Default: as this machine resolves them. */
  readonly resolveHost?: ResolveHost;
}

/** The images service and a client of it. */
export class House implements AsyncDisposable {
  readonly running: RunningApp;
  readonly client: RpcClient<typeof images.ImagesServiceService>;
  /** What it logged. */
  readonly lines: readonly string[];
  readonly #database: string;

  private constructor({ database }: HouseOptions, running: RunningApp, lines: readonly string[]) {
    this.#database = database;
    this.running = running;
    this.lines = lines;
    this.client = createRpcClient(images.ImagesServiceService, {
      name: 'images',
      endpoints: running.addresses['rpc'] ?? [],
      registry: new Registry(),
    });
  }

  static async open(options: HouseOptions): Promise<House> {
    const lines: string[] = [];
    const log = createLogger({ app: 'images', destination: { write: (line) => void lines.push(line) } });
    const context = { ...testContext('images'), log };
    const running = await startImages(House.#config(options), context, options.resolveHost);
    await waitFor('images to be ready', () => running.ready());
    return new House(options, running, lines);
  }

  static #config({ database, ini = '' }: HouseOptions) {
    return parseConfig(
      `[images]\nlisten = 127.0.0.1:0\ndata_listen = 127.0.0.1:0\n[postgres]\nurl = ${database}\n${ini}`,
    );
  }

  async reload(ini: string): Promise<void> {
    await this.running.reload?.(House.#config({ database: this.#database, ini }));
  }

  async create(body: unknown, caller = alice): Promise<Json> {
    const { image } = await this.client.createImage({ caller, body: bytes(body) }, call());
    return parsed(image?.json ?? Buffer.from('{}'));
  }

  async createId(body: unknown, caller = alice): Promise<string> {
    return String((await this.create(body, caller))['id']);
  }

  async get(id: string, caller = alice): Promise<Json> {
    const { image } = await this.client.getImage({ caller, id }, call());
    return parsed(image?.json ?? Buffer.from('{}'));
  }

  async patch(id: string, operations: readonly object[], caller = alice): Promise<Json> {
    const mediaType = 'application/openstack-images-v2.1-json-patch';
    const request = { caller, id, mediaType, body: bytes(operations) };
    const { image } = await this.client.updateImage(request, call());
    return parsed(image?.json ?? Buffer.from('{}'));
  }

  async list(query: string, caller = alice): Promise<{ names: unknown[]; document: Json }> {
    const document = parsed((await this.client.listImages({ caller, query }, call())).json);
    return { names: (document['images'] as Json[]).map(({ name }) => name), document };
  }

  /** Rows as they are in its schema. */
  async rows(text: string, values: readonly unknown[] = []): Promise<Json[]> {
    const client = new Client({ connectionString: this.#database, options: '-c search_path=images' });
    await client.connect();
    try {
      return (await client.query<Json>(text, [...values])).rows;
    } finally {
      await client.end();
    }
  }

  /** Makes a queued image active as an upload would leave it, with a copy in each store. */
  async fill(id: string, ...stores: string[]): Promise<void> {
    await this.rows(
      `UPDATE images SET status = 'active', size = 1024, checksum = '7265f4d211b56873a381d321f586e4a9' WHERE id = $1`,
      [id],
    );
    for (const store of stores) {
      await this.rows('INSERT INTO locations (image_id, store_id, url) VALUES ($1, $2, $3)', [
        id,
        store,
        `file:///${store}/${id}`,
      ]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    await this.running[Symbol.asyncDispose]();
  }
}

/** How a call fails: `code REASON message`, the first line of it. */
export async function failure(answer: Promise<unknown>): Promise<string> {
  try {
    await answer;
  } catch (error) {
    if (error instanceof HallmarkError)
      return `${error.code} ${error.reason} ${error.message.split('\n')[0] ?? ''}`;
    throw error;
  }
  return 'succeeded';
}
