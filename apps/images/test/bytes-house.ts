import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { images } from '@hallmark/contracts';
import { DataClient } from '@hallmark/rpc';
import { newRequestId } from '@hallmark/runtime';
import { waitFor } from '@hallmark/testing';
import { admin, alice, bytes, call, House, parsed, type HouseOptions, type Json } from './house.ts';

export const BARE_RAW = { name: 'an image', container_format: 'bare', disk_format: 'raw' };

/** A task as an operator sees it. */
export interface SeenTask {
  readonly document: Json;
  readonly task: images.Task;
}

export interface BytesHouseOptions extends HouseOptions {
  /** More options, by the directories of this house. */
  readonly iniOf?: (directories: Directories) => string;
}

export interface Directories {
  readonly fast: string;
  readonly slow: string;
  readonly staging: string;
}

/** The images service with two directories for stores, one for staged data, and both of its doors. */
export class BytesHouse implements AsyncDisposable {
  readonly house: House;
  readonly data: DataClient;
  readonly directories: Directories;
  readonly #root: string;

  private constructor(house: House, root: string, directories: Directories) {
    this.house = house;
    this.#root = root;
    this.directories = directories;
    this.data = new DataClient({ name: 'images', endpoints: house.running.addresses['data'] ?? [] });
  }

  static async open(options: BytesHouseOptions): Promise<BytesHouse> {
    const root = await mkdtemp(join(tmpdir(), 'hallmark-bytes-'));
    const directories = {
      fast: join(root, 'fast'),
      slow: join(root, 'slow'),
      staging: join(root, 'staging'),
    };
    const ini = `${storesIni(directories)}
${options.ini ?? ''}
${options.iniOf?.(directories) ?? ''}`;
    return new BytesHouse(await House.open({ ...options, ini }), root, directories);
  }

  /** Has its options read again. `ini` begins in `[images]`. */
  async reload(ini: string): Promise<void> {
    await this.house.reload(`${storesIni(this.directories)}\n${ini}`);
  }

  async prepareUpload(id: string, size?: number, caller = alice, storeId = ''): Promise<string> {
    const { ticket } = await this.house.client.prepareUpload(
      {
        caller,
        id,
        contentType: 'application/octet-stream',
        storeId,
        declaredSize: '',
        contentLength: size,
      },
      call(),
    );
    return ticket;
  }

  async upload(id: string, content: Buffer, caller = alice, storeId = ''): Promise<void> {
    const ticket = await this.prepareUpload(id, content.length, caller, storeId);
    await this.put('uploads', ticket, pieces(content));
  }

  async prepareStage(id: string, size?: number, caller = alice): Promise<string> {
    const contentType = 'application/octet-stream';
    const { ticket } = await this.house.client.prepareStage(
      { caller, id, contentType, contentLength: size },
      call(),
    );
    return ticket;
  }

  async stage(id: string, content: Buffer, caller = alice): Promise<void> {
    await this.put('stages', await this.prepareStage(id, content.length, caller), pieces(content));
  }

  async put(kind: string, ticket: string, body: AsyncIterable<Uint8Array>): Promise<void> {
    const answer = await this.data.put({ kind, ticket }, body, { requestId: newRequestId() });
    answer.body.resume();
  }

  async download(id: string, range = '', caller = alice): Promise<Buffer> {
    const { ticket } = await this.house.client.prepareDownload({ caller, id, range, prefer: '' }, call());
    return await this.fetch(ticket);
  }

  async fetch(ticket: string): Promise<Buffer> {
    const answer = await this.data.get({ kind: 'downloads', ticket }, { requestId: newRequestId() });
    const received: Buffer[] = [];
    for await (const piece of answer.body as AsyncIterable<Buffer>) received.push(piece);
    return Buffer.concat(received);
  }

  /** Gives the task. */
  async import(id: string, body: unknown, caller = alice): Promise<string> {
    const request = { caller, id, body: bytes(body), storeId: '' };
    return (await this.house.client.importImage(request, call())).taskId;
  }

  async task(id: string): Promise<SeenTask> {
    const { json, task } = await this.house.client.getTask({ caller: admin, id }, call());
    if (!task) throw new Error('A task without its fields.');
    return { document: parsed(json), task };
  }

  async taskEnd(id: string): Promise<SeenTask> {
    return await waitFor(
      'the task to end',
      async () => {
        const seen = await this.task(id);
        return ['success', 'failure'].includes(seen.task.status) && seen;
      },
      30_000,
    );
  }

  /** Imports and waits; gives `status REASON message`. */
  async imported(id: string, body: unknown, caller = alice): Promise<string> {
    const { task, document } = await this.taskEnd(await this.import(id, body, caller));
    return [task.status, task.reason, document['message']].filter((word) => word !== '').join(' ');
  }

  /** Files in a directory that is there or not. */
  async files(directory: keyof Directories): Promise<string[]> {
    return await readdir(this.directories[directory]).catch(() => []);
  }

  /** Files of an image, as `fast`, `staging`, …, one word each. */
  async filesOf(id: string): Promise<string[]> {
    const found: string[] = [];
    for (const name of ['fast', 'slow', 'staging'] as const) {
      const files = await this.files(name);
      found.push(...files.filter((file) => file.startsWith(id)).map(() => name));
    }
    return found;
  }

  /** Waits until these directories, and no others, have a file of the image. */
  async untilFilesOf(id: string, ...expected: (keyof Directories)[]): Promise<void> {
    await waitFor(
      `files in ${expected.join(', ') || 'no directory'}`,
      async () => (await this.filesOf(id)).join() === expected.join(),
      20_000,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.data[Symbol.asyncDispose]();
    await this.house[Symbol.asyncDispose]();
    await rm(this.#root, { recursive: true, force: true });
  }
}

const storesIni = ({ fast, slow, staging }: Directories): string => `
[DEFAULT]
enabled_backends = fast:file, slow:file
[glance_store]
default_backend = fast
[fast]
filesystem_store_datadir = ${fast}
[slow]
filesystem_store_datadir = ${slow}
[os_glance_staging_store]
filesystem_store_datadir = ${staging}
[images]
import_lease = 3`;

export async function* pieces(content: Buffer, length = 64 * 1024): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < content.length; at += length)
    yield await Promise.resolve(content.subarray(at, at + length));
}

export const digest = (algorithm: string, content: Buffer): string =>
  createHash(algorithm).update(content).digest('hex');
