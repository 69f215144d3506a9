import { request as httpRequest } from 'node:http';
import { aCaller } from './fake-identity.ts';
import { FakeImages } from './fake-images.ts';
import { House } from './house.ts';

export const ALICE = 'gAAAAABalice';
export const ADMIN = 'gAAAAABadmin';
export const ALICE_ID = 'alice-id';
export const PROJECT = 'b1c0ec969e3a4133bea1e08f2c92ec8d';

/** An answer as it came: nothing is added to a request or taken from an answer on the way. */
export interface ImageReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface ImageRequest {
  readonly method?: string;
  readonly path?: string;
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** The gateway with an images service behind it. */
export class ImageHouse implements AsyncDisposable {
  readonly house: House;
  readonly images: FakeImages;
  readonly #stack: AsyncDisposableStack;

  private constructor(house: House, images: FakeImages, stack: AsyncDisposableStack) {
    this.house = house;
    this.images = images;
    this.#stack = stack;
  }

  static async open({ ini = '' }: { ini?: string } = {}): Promise<ImageHouse> {
    await using opening = new AsyncDisposableStack();
    const images = opening.use(await FakeImages.start());
    const house = opening.use(
      await House.open({
        ini: `
[rpc]
images_endpoints = ${images.address}
images_data_endpoints = ${images.dataAddress}
[gateway_nova]
listen = 127.0.0.1:0
[gateway_image]
listen = 127.0.0.1:0
${ini}`,
      }),
    );
    const { callers } = house.identity;
    callers.set(ALICE, aCaller({ userId: ALICE_ID, projectId: PROJECT, roles: ['Member', 'a,b', 'reader'] }));
    callers.set(ADMIN, aCaller({ userId: 'root-id', projectId: 'p0', roles: ['admin'] }));
    return new ImageHouse(house, images, opening.move());
  }

  get address(): string {
    return this.house.gateway.addresses['image']?.[0] ?? '';
  }

  async ask({
    method = 'GET',
    path = '/v2/images',
    token = ALICE,
    headers = {},
    body,
  }: ImageRequest = {}): Promise<ImageReply> {
    return new Promise((resolve, reject) => {
      const asked = httpRequest(
        `http://${this.address}`,
        {
          path,
          method,
          agent: false,
          headers: {
            ...(token === null ? {} : { 'x-auth-token': token }),
            ...(body === undefined || 'transfer-encoding' in headers
              ? {}
              : { 'content-length': String(Buffer.byteLength(body)) }),
            ...headers,
          },
        },
        (reply) => {
          const chunks: Buffer[] = [];
          reply.on('data', (chunk: Buffer) => chunks.push(chunk));
          reply.on('error', reject);
          reply.on('end', () => {
            resolve({
              status: reply.statusCode ?? 0,
              headers: reply.headers,
              body: Buffer.concat(chunks).toString(),
            });
          });
        },
      );
      asked.on('error', reject);
      asked.end(body);
    });
  }

  /** The newest line that was logged about a request. */
  get lastLine(): Record<string, unknown> {
    return this.house.requests.at(-1) ?? {};
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
