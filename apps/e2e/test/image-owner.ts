import { createHash, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { waitFor } from '@hallmark/testing';
import type { House } from './house.ts';
import { LoadBalancedClient, PATIENCE_MS, PAUSE_MS } from './load-balanced-client.ts';

/** An image as the tests of faults look at it. */
export interface ImageDocument {
  readonly id: string;
  readonly status: string;
  readonly stores?: string;
  readonly size: number | null;
  readonly os_hash_value: string | null;
  readonly os_glance_import_task?: string;
  readonly [property: string]: unknown;
}

/** An image that somebody wants to have, and how its data comes in. */
export interface WantedImage {
  readonly id: string;
  readonly content: Buffer;
  readonly door: 'file' | 'glance-direct' | 'web-download';
  /** Of web-download. */
  readonly uri?: string;
  /** Of an import. Default: what is configured. */
  readonly stores?: readonly string[];
}

interface StepOptions {
  readonly gateway?: number;
  /** In the place of the image's content. */
  readonly body?: Readable;
}

const BARE_RAW = { name: 'an image', container_format: 'bare', disk_format: 'raw' };
const OCTETS = { 'Content-Type': 'application/octet-stream' };
/** What a step may be answered that comes too early, too late, or to a server that is about to end. */
const NOT_THIS_TIME = new Set([409, 410, 503]);

/**
 * Who brings images in for a project, whatever happens to the servers meanwhile: looks at what has become of an image,
 * and takes the step that its state asks for.
 */
export class ImageOwner extends LoadBalancedClient {
  /** Every image whose creation was acknowledged. */
  readonly accepted = new Map<string, WantedImage>();
  readonly token: string;

  constructor(house: House, token: string) {
    super(house);
    this.token = token;
  }

  async create(wish: Omit<WantedImage, 'id'>): Promise<WantedImage> {
    const image = { ...wish, id: randomUUID() };
    const body = JSON.stringify({ ...BARE_RAW, id: image.id });
    await this.insist('POST /v2/images', async (gateway) => {
      const answer = await this.house.image('/v2/images', {
        ...{ method: 'POST', token: this.token, gateway, body },
      });
      // A first try of which nobody knew has made it.
      return answer.status === 409 ? { ...answer, status: 200 } : answer;
    });
    this.accepted.set(image.id, image);
    return image;
  }

  async show(id: string): Promise<ImageDocument> {
    return (await this.#get(`/v2/images/${id}`)) as ImageDocument;
  }

  /** The ids of all images of the project. */
  async list(): Promise<string[]> {
    return (await this.#pages('images', '/v2/images?limit=100')).map(({ id }) => String(id));
  }

  /** Of everybody. For administrators. */
  async tasks(): Promise<readonly Record<string, unknown>[]> {
    return await this.#pages('tasks', '/v2/tasks?limit=100');
  }

  /** Sends the data, once. False: it was not taken. */
  async send({ id, content, door }: WantedImage, { gateway, body }: StepOptions = {}): Promise<boolean> {
    const last = door === 'file' ? 'file' : 'stage';
    return await this.#attempt('PUT', `/v2/images/${id}/${last}`, gateway, OCTETS, body ?? content);
  }

  /** Asks for the import, once. False: it was not taken on. */
  async import({ id, door, uri, stores }: WantedImage, { gateway }: StepOptions = {}): Promise<boolean> {
    const body = JSON.stringify({ method: { name: door, uri }, stores });
    return await this.#attempt('POST', `/v2/images/${id}/import`, gateway, {}, body);
  }

  async copy({ id }: WantedImage, stores: readonly string[], gateway?: number): Promise<boolean> {
    const body = JSON.stringify({ method: { name: 'copy-image' }, stores });
    return await this.#attempt('POST', `/v2/images/${id}/import`, gateway, {}, body);
  }

  /** Brings the image in, from whatever state it is in, and compares what is there with what was sent. */
  async untilActive(image: WantedImage): Promise<ImageDocument> {
    let last = '';
    try {
      const document = await waitFor(
        'it to be active',
        async () => {
          const seen = await this.show(image.id);
          last = seen.status;
          if (seen.status === 'active') return seen;
          if (!(await this.#step(image, seen))) await wait(PAUSE_MS);
          return undefined;
        },
        PATIENCE_MS,
      );
      await this.#compare(image, document);
      return document;
    } catch (cause) {
      throw new Error(`Image ${image.id} (${image.door}), which was ${last} last:`, { cause });
    }
  }

  /** What the state of an image asks for. False: nothing, or it was not taken. */
  async #step(
    image: WantedImage,
    { status, size, os_glance_import_task: task }: ImageDocument,
  ): Promise<boolean> {
    if (task !== undefined) return false;
    if (status === 'queued' && image.door !== 'web-download') return await this.send(image);
    const isStaged = status === 'uploading' && size !== null;
    return (isStaged || status === 'queued') && (await this.import(image));
  }

  /** Has a copy of an active image in that store. */
  async untilCopied(image: WantedImage, store: string): Promise<ImageDocument> {
    const document = await waitFor(
      `image ${image.id} to be in ${store}`,
      async () => {
        const seen = await this.show(image.id);
        if (seen.stores?.split(',').includes(store) === true) return seen;
        if (seen.os_glance_import_task !== undefined || !(await this.copy(image, [store])))
          await wait(PAUSE_MS);
        return undefined;
      },
      PATIENCE_MS,
    );
    await this.#compare(image, document);
    return document;
  }

  async #compare({ id, content }: WantedImage, document: ImageDocument): Promise<void> {
    expect(document).toMatchObject({
      status: 'active',
      size: content.length,
      os_hash_value: createHash('sha512').update(content).digest('hex'),
    });
    const path = `/v2/images/${id}/file`;
    const { bytes } = await this.insist(`GET ${path}`, (gateway) =>
      this.house.image(path, { token: this.token, gateway }),
    );
    if (!bytes.equals(content)) throw new Error(`Image ${id} is active with other bytes than were sent.`);
  }

  async #get(path: string): Promise<unknown> {
    const ask = async (gateway: number) => this.house.image(path, { token: this.token, gateway });
    return JSON.parse((await this.insist(`GET ${path}`, ask)).text);
  }

  async #pages(collection: string, first: string): Promise<Record<string, unknown>[]> {
    const all: Record<string, unknown>[] = [];
    let next: string | undefined = first;
    while (next !== undefined) {
      const page = (await this.#get(next)) as Record<string, unknown>;
      all.push(...(page[collection] as Record<string, unknown>[]));
      next = page['next'] as string | undefined;
    }
    return all;
  }

  async #attempt(
    method: string,
    path: string,
    gateway: number | undefined,
    headers: Readonly<Record<string, string>>,
    body: string | Buffer | Readable,
  ): Promise<boolean> {
    try {
      const options = { method, token: this.token, gateway: gateway ?? this.nextGateway(), headers, body };
      const { status, text } = await this.house.image(path, options);
      if (status < 300) return true;
      if (!NOT_THIS_TIME.has(status)) this.unexpected.push(`${method} ${path}: ${status} ${text}`);
    } catch {
      // no answer
    }
    this.repeats += 1;
    return false;
  }
}

/** The data of an image, of which the second half waits. */
export function halfSent({ content }: WantedImage): { readonly body: Readable; readonly rest: () => void } {
  const gate = Promise.withResolvers<undefined>();
  const halves = async function* (): AsyncGenerator<Buffer, void> {
    yield content.subarray(0, content.length / 2);
    await gate.promise;
    yield content.subarray(content.length / 2);
  };
  return { body: Readable.from(halves()), rest: () => gate.resolve(undefined) };
}
