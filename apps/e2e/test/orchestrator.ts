import { createHash, randomUUID } from 'node:crypto';
import { waitFor, type FakeKeystone } from '@hallmark/testing';
import { keystoneConfig, type Answer, type House } from './house.ts';
import { LoadBalancedClient, PATIENCE_MS } from './load-balanced-client.ts';
import { NEUTRON_CONFIG, neutronHeaders } from './neutron.ts';

/** An instance as the boot API shows it, as far as the tests of faults look at it. */
export interface Instance {
  readonly id: string;
  readonly project_id: string;
  readonly status: 'BUILD' | 'ACTIVE' | 'ERROR';
  readonly metadata: Readonly<Record<string, string>>;
  readonly fault: { readonly reason: string; readonly message: string } | null;
  readonly drive: { readonly size: number; readonly sha256: string } | null;
}

export interface BootWish {
  /** Default: one that nobody else has. */
  readonly id?: string;
  readonly config_drive?: boolean;
  readonly user_data?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

interface Page {
  readonly instances: readonly Instance[];
  readonly next?: string;
}

/**
 * What boots instances through Hallmark on behalf of a project, as an orchestrator behind a load balancer does:
 * a request that got no answer, or one that says "not now", is made again, at the next gateway, under the
 * same idempotency key.
 */
export class Orchestrator extends LoadBalancedClient {
  /** Each boot that was acknowledged, by the id of its instance. */
  readonly acknowledged = new Map<string, BootWish>();
  readonly #token: string;

  constructor(house: House, token: string) {
    super(house);
    this.#token = token;
  }

  async boot(wish: BootWish = {}): Promise<Instance> {
    const answer = await this.surely('/v1/instances', {
      method: 'POST',
      headers: { 'Idempotency-Key': randomUUID() },
      body: { name: 'mail-1', ...wish },
    });
    if (answer.status !== 202) throw new Error(`A boot was answered ${answer.status}: ${answer.text}`);
    const instance = instanceIn(answer);
    this.acknowledged.set(instance.id, wish);
    return instance;
  }

  async show(id: string): Promise<Instance> {
    return instanceIn(await this.surely(`/v1/instances/${id}`));
  }

  async setMetadata(id: string, metadata: Readonly<Record<string, string>>): Promise<void> {
    await this.surely(`/v1/instances/${id}/metadata`, { method: 'PUT', body: { metadata } });
  }

  async untilBuilt(id: string, limitMs = PATIENCE_MS): Promise<Instance> {
    return await waitFor(
      `instance ${id} to leave BUILD`,
      async () => {
        const instance = await this.show(id);
        return instance.status !== 'BUILD' && instance;
      },
      limitMs,
    );
  }

  /** The SHA-256 of the bytes of a drive. */
  async driveDigest(id: string): Promise<string> {
    const { bytes } = await this.surely(`/v1/instances/${id}/config-drive`);
    return createHash('sha256').update(bytes).digest('hex');
  }

  /** The ids of all instances of the project. */
  async list(): Promise<string[]> {
    const ids: string[] = [];
    let next: string | undefined = '/v1/instances?limit=50';
    while (next !== undefined) {
      const page = JSON.parse((await this.surely(next)).text) as Page;
      ids.push(...page.instances.map(({ id }) => id));
      next = page.next;
    }
    return ids;
  }

  /** Makes a request until there is an answer to it. */
  async surely(
    path: string,
    options: { method?: string; headers?: Readonly<Record<string, string>>; body?: unknown } = {},
  ): Promise<Answer & { readonly bytes: Buffer }> {
    return await this.insist(`${options.method ?? 'GET'} ${path}`, (gateway) =>
      this.house.call(path, { ...options, token: this.#token, gateway }),
    );
  }
}

const instanceIn = ({ text }: Answer): Instance => JSON.parse(text) as Instance;

/** What the guest of an instance reads. */
export const guestReads = async (
  house: House,
  { id, project_id }: Pick<Instance, 'id' | 'project_id'>,
  path: string,
  gateway = 0,
): Promise<Answer> =>
  await house.guest(path, neutronHeaders({ instanceId: id, projectId: project_id }), gateway);

/** The id of the project that a token is scoped to. */
export async function projectOf(keystoneUrl: string, token: string): Promise<string> {
  const headers = { 'X-Auth-Token': token, 'X-Subject-Token': token };
  const answer = await fetch(`${keystoneUrl}/v3/auth/tokens`, { headers });
  const { token: said } = (await answer.json()) as { token: { project: { id: string } } };
  return said.project.id;
}

/** A constellation that boots instances, with one target that they need. */
export const bootConfig = ({
  keystone,
  postgresUrl,
  targetUrl,
}: {
  readonly keystone: FakeKeystone;
  readonly postgresUrl: string;
  readonly targetUrl: string;
}): string => `${keystoneConfig(keystone.url, 'hallmark-secret')}${NEUTRON_CONFIG}
[postgres]
url = ${postgresUrl}
[api]
vendordata_providers = StaticJSON, DynamicJSON
vendordata_dynamic_read_timeout = 30
[identity]
keystone_timeout = 15
[instances]
build_lease = 3
[vendordata_target:join]
url = ${targetUrl}
failure = fatal
`;
