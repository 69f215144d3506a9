import { Client } from 'undici';
import { logIn, type Account } from './keystone.ts';

/** An instance in Nova's words and spacing: the seven keys that a vendordata service is told. */
export const INSTANCE_JSON =
  '{"project-id": "6f0b5d0c8f5c4d8f9a3b8e0f2d1c7a90", "instance-id": "2ae914e9-f5ab-44ce-b2a2-dcf8373d899d", ' +
  '"image-id": "75a74383-f276-4774-8074-8c4e3ff2ca64", "user-data": null, "hostname": "mail-1", ' +
  '"metadata": {"role": "mail"}, "boot-roles": "member,reader,mail-operator"}';

/** An answer to Nova's POST. */
export interface VendordataAnswer {
  readonly path: string;
  readonly status: number;
  readonly ms: number;
  readonly body: string;
  readonly cacheControl: string;
  readonly age: string | undefined;
  readonly serverTiming: string;
}

/** Does what Nova does. */
export class Nova implements AsyncDisposable {
  readonly #door: Client;
  /** Of Nova's service account. */
  readonly token: string;

  private constructor(door: string, token: string) {
    this.#door = new Client(door);
    this.token = token;
  }

  /** Logs in at Keystone, once, as Nova does before its first request. */
  static async logIn(keystoneUrl: string, account: Account, door: string): Promise<Nova> {
    const token = await logIn(keystoneUrl, account, 'service');
    return new Nova(door, token);
  }

  /** Asks a vendordata target, with Nova's headers in Nova's order. */
  async post(path: string): Promise<VendordataAnswer> {
    const begun = performance.now();
    const response = await this.#door.request({
      method: 'POST',
      path,
      headers: {
        'User-Agent': 'openstack-nova-vendordata',
        'Accept-Encoding': 'gzip, deflate',
        Accept: 'application/json',
        'Content-Type': 'application/json',
        'X-Auth-Token': this.token,
      },
      body: INSTANCE_JSON,
    });
    const body = await response.body.text();
    const header = (name: string): string | undefined => response.headers[name]?.toString();
    return {
      path,
      status: response.statusCode,
      ms: performance.now() - begun,
      body,
      cacheControl: header('cache-control') ?? '',
      age: header('age'),
      serverTiming: header('server-timing') ?? '',
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#door.close();
  }
}
