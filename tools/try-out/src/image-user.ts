import { setTimeout as wait } from 'node:timers/promises';
import { logIn, type Account } from './keystone.ts';
import { TryOutFailure } from './try-out-failure.ts';

/** What every image of the try-out begins with. */
const RAW = { disk_format: 'raw', container_format: 'bare' } as const;

/** For a curl line. */
export const IMAGE_JSON = JSON.stringify({ name: 'mine', ...RAW });

/** An answer of the Image API. */
export interface ImageAnswer {
  readonly status: number;
  readonly text: string;
}

/** An image, with its properties beside its attributes, as the Image API has them. */
export interface Image extends Readonly<Record<string, unknown>> {
  readonly id: string;
  readonly status: string;
}

/** What is told of a task; of its `reason` and `injection` to operators only. */
export interface ImportTask {
  readonly id: string;
  readonly status: 'pending' | 'processing' | 'success' | 'failure';
  readonly message: string;
  readonly reason?: string;
  readonly injection?: { readonly injected: boolean; readonly rule: string };
}

/** The end of an import. */
export interface Imported {
  readonly taskId: string;
  readonly image: Image;
  readonly message: string;
  readonly ms: number;
}

/** Longer than the import of a few bytes takes on the busiest machine. */
const IMPORT_LIMIT_MS = 30_000;
const POLL_MS = 50;

/** Somebody at the Image API. */
export class ImageUser {
  readonly #door: string;
  readonly token: string;

  private constructor(door: string, token: string) {
    this.#door = door;
    this.token = token;
  }

  static async logIn(
    keystoneUrl: string,
    account: Account,
    project: string,
    door: string,
  ): Promise<ImageUser> {
    return new ImageUser(door, await logIn(keystoneUrl, account, project));
  }

  /** Creates an image, stages its data and imports it with glance-direct, and waits for the end. */
  async import(name: string, properties: Readonly<Record<string, string>> = {}): Promise<Imported> {
    const created = await this.#expect(201, 'POST', '/v2/images', { name, ...RAW, ...properties });
    const { id } = JSON.parse(created.text) as Image;
    await this.#expect(204, 'PUT', `/v2/images/${id}/stage`, Buffer.from(`The disk of ${name}.`));
    const begun = performance.now();
    const method = { method: { name: 'glance-direct' } };
    await this.#expect(202, 'POST', `/v2/images/${id}/import`, method);
    const { id: taskId, message } = await this.#untilEnded(id);
    const ms = performance.now() - begun;
    return {
      taskId,
      image: await this.show(id),
      message,
      ms,
    };
  }

  async show(id: string): Promise<Image> {
    return JSON.parse((await this.#expect(200, 'GET', `/v2/images/${id}`)).text) as Image;
  }

  /** A task in full, which only an operator may see. */
  async task(id: string): Promise<ImportTask> {
    return JSON.parse((await this.#expect(200, 'GET', `/v2/tasks/${id}`)).text) as ImportTask;
  }

  /** Sets a property to another value. */
  async replace(id: string, property: string, value: string): Promise<ImageAnswer> {
    const change = [{ op: 'replace', path: `/${property}`, value }];
    return await this.#ask('PATCH', `/v2/images/${id}`, change);
  }

  /** Waits for the end of the only import of an image. */
  async #untilEnded(id: string): Promise<ImportTask> {
    const limit = performance.now() + IMPORT_LIMIT_MS;
    for (;;) {
      const { text } = await this.#expect(200, 'GET', `/v2/images/${id}/tasks`);
      const task = (JSON.parse(text) as { readonly tasks: readonly ImportTask[] }).tasks[0];
      if (task?.status === 'success' || task?.status === 'failure') return task;
      if (performance.now() > limit) throw new TryOutFailure(`The import of ${id} does not end: ${text}`);
      await wait(POLL_MS);
    }
  }

  async #expect(status: number, method: string, path: string, body?: object): Promise<ImageAnswer> {
    const answer = await this.#ask(method, path, body);
    if (answer.status === status) return answer;
    throw new TryOutFailure(`${method} ${path} was answered ${answer.status}: ${answer.text}`);
  }

  /** Bytes are sent as such, everything else as JSON. */
  async #ask(method: string, path: string, body?: object): Promise<ImageAnswer> {
    const response = await fetch(`${this.#door}${path}`, {
      method,
      headers: {
        'X-Auth-Token': this.token,
        ...(body && { 'Content-Type': mediaTypeOf(method, body) }),
      },
      ...(body && { body: body instanceof Buffer ? new Uint8Array(body) : JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  }
}

function mediaTypeOf(method: string, body: object): string {
  if (body instanceof Buffer) return 'application/octet-stream';
  return method === 'PATCH' ? 'application/openstack-images-v2.1-json-patch' : 'application/json';
}
