import { logIn, type Account } from './keystone.ts';

/** A project of this cloud, in which nobody has to be an administrator. */
export const PROJECT = 'mail';

/** What the boot API tells of an instance, as far as the try-out shows it. */
export interface Instance {
  readonly id: string;
  readonly name: string;
  readonly project_id: string;
  readonly status: 'BUILD' | 'ACTIVE' | 'ERROR';
  readonly fault: { readonly reason: string; readonly message: string } | null;
  readonly boot_roles: readonly string[];
  readonly drive: {
    readonly format: string;
    readonly size: number;
    readonly sha256: string;
    readonly short_lived_targets: readonly string[];
  } | null;
}

export interface BootAnswer {
  readonly status: number;
  readonly ms: number;
  readonly text: string;
}

/** Longer than a build takes on the busiest machine. */
const WAIT_SECONDS = 30;

/** Somebody who boots instances, with nothing but a role of the project. */
export class User {
  readonly #door: string;
  readonly #token: string;

  private constructor(door: string, token: string) {
    this.#door = door;
    this.#token = token;
  }

  static async logIn(keystoneUrl: string, account: Account, door: string): Promise<User> {
    return new User(door, await logIn(keystoneUrl, account, PROJECT));
  }

  /** Boots an instance with a config drive, and waits for what becomes of it. */
  async boot(name: string): Promise<BootAnswer> {
    const begun = performance.now();
    const response = await fetch(`${this.#door}/v1/instances`, {
      method: 'POST',
      headers: {
        'X-Auth-Token': this.#token,
        'Content-Type': 'application/json',
        Prefer: `wait=${WAIT_SECONDS}`,
      },
      body: JSON.stringify({ name, config_drive: true, metadata: { role: 'mail' } }),
    });
    const text = await response.text();
    return { status: response.status, ms: performance.now() - begun, text };
  }

  /** The bytes of an instance's config drive. */
  async configDrive({ id }: Instance): Promise<Buffer> {
    const response = await fetch(`${this.#door}/v1/instances/${id}/config-drive`, {
      headers: { 'X-Auth-Token': this.#token },
    });
    if (!response.ok) throw new Error(`The config drive was answered ${response.status}.`);
    return Buffer.from(await response.arrayBuffer());
  }
}
