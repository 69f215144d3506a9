import { createHmac, randomUUID } from 'node:crypto';
import { Container } from './containers.ts';
import type { KeystoneUser } from './keystone.ts';

const PORT = 8775;
const SHARED_SECRET = 's3cr3t';
const CA_FILE = '/etc/nova/targets-ca.pem';
const FAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1';

export interface NovaOptions {
  /** `[api] vendordata_dynamic_targets`, with addresses as a container reaches them. */
  readonly vendordataDynamicTargets: readonly string[];
  /** `[api] vendordata_dynamic_failure_fatal`. Default: false. */
  readonly failureFatal?: boolean;
  /** `[api] vendordata_dynamic_read_timeout`. Default: Nova's own, 5 s. */
  readonly readTimeoutSeconds?: number;
  /** The account of `[vendordata_dynamic_auth]`. Without it Nova sends no token. */
  readonly auth?: { readonly url: string; readonly user: KeystoneUser };
  /** A file here that `[api] vendordata_dynamic_ssl_certfile` names there. */
  readonly caFile?: string;
  /** How far Nova's clock is ahead of everybody's; negative is behind. */
  readonly clockOffsetSeconds?: number;
}

/** An instance, in the words of Nova's database. */
export interface NovaInstance {
  readonly uuid: string;
  readonly project_id: string;
  readonly user_id: string;
  readonly hostname: string;
  readonly image_ref: string;
  /** Base64, as the compute API took it. */
  readonly user_data: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly boot_roles: readonly string[];
  /** Its address in 10.1.0.0/24. Without one it has no network. */
  readonly fixed_ip?: string;
  readonly keypair?: { readonly name: string; readonly public_key: string };
}

export function aNovaInstance(overrides: Partial<NovaInstance> = {}): NovaInstance {
  return {
    uuid: randomUUID(),
    project_id: '6f0b5d0c8f5c4d8f9a3b8e0f2d1c7a90',
    user_id: '5a7c0c6f3b1e4b0f8f6c2f1f0d9e8b7a',
    hostname: 'mail-1',
    image_ref: '75a74383-f276-4774-8074-8c4e3ff2ca64',
    user_data: 'IyEvYmluL3NoCmVjaG8gaGkK',
    metadata: { role: 'mail' },
    boot_roles: ['member', 'reader'],
    ...overrides,
  };
}

export interface NovaAnswer {
  readonly status: number;
  readonly body: string;
}

/** Nova's real metadata API, as guests reach it through Neutron's proxy. */
export class NovaMetadata implements AsyncDisposable {
  readonly container: Container;

  private constructor(container: Container) {
    this.container = container;
  }

  static async start(options: NovaOptions): Promise<NovaMetadata> {
    const offset = options.clockOffsetSeconds ?? 0;
    const container = await Container.start({
      image: 'nova',
      ports: [PORT],
      environment:
        offset === 0 ? {} : { LD_PRELOAD: FAKETIME, FAKETIME: `${offset < 0 ? '' : '+'}${offset}s` },
      contents: [{ content: configurationOf(options), target: '/etc/nova/nova.conf.d/hallmark.conf' }],
      files: options.caFile === undefined ? [] : [{ source: options.caFile, target: CA_FILE, mode: 0o644 }],
      ready: async (started) => {
        const answer = await fetch(`http://${started.host}:${started.port(PORT)}/`);
        await answer.arrayBuffer();
      },
    });
    return new NovaMetadata(container);
  }

  /** Boots instances as far as the database goes. */
  async createInstances(...instances: readonly NovaInstance[]): Promise<void> {
    await this.container.exec(['python3', '/opt/hallmark/create_instances.py', JSON.stringify(instances)]);
  }

  /** A guest's GET, signed and labelled as Neutron's metadata agent does it. */
  async get(path: string, instance: NovaInstance): Promise<NovaAnswer> {
    const answer = await fetch(`http://${this.container.host}:${this.container.port(PORT)}/${path}`, {
      headers: {
        'X-Forwarded-For': '10.1.0.7',
        'X-Instance-ID': instance.uuid,
        'X-Tenant-ID': instance.project_id,
        'X-Instance-ID-Signature': createHmac('sha256', SHARED_SECRET).update(instance.uuid).digest('hex'),
      },
    });
    return { status: answer.status, body: await answer.text() };
  }

  /** Where guests reach it, once it is said who they are. */
  get address(): { readonly host: string; readonly port: number } {
    return { host: this.container.host, port: this.container.port(PORT) };
  }

  /** What Nova would write onto the instance's config drive: contents by path. */
  async configDrive(instance: NovaInstance): Promise<ReadonlyMap<string, Buffer>> {
    const output = await this.container.exec([
      'python3',
      '/opt/hallmark/read_config_drive.py',
      instance.uuid,
    ]);
    const files = JSON.parse(output.slice(output.indexOf('{'))) as Record<string, string>;
    return new Map(Object.entries(files).map(([path, text]) => [path, Buffer.from(text, 'base64')]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.container[Symbol.asyncDispose]();
  }
}

function configurationOf(options: NovaOptions): string {
  const { auth } = options;
  const lines = [
    '[neutron]',
    `metadata_proxy_shared_secret = ${SHARED_SECRET}`,
    '[api]',
    'vendordata_providers = StaticJSON,DynamicJSON',
    `vendordata_dynamic_targets = ${options.vendordataDynamicTargets.join(',')}`,
    `vendordata_dynamic_failure_fatal = ${String(options.failureFatal ?? false)}`,
  ];
  if (options.readTimeoutSeconds !== undefined) {
    lines.push(`vendordata_dynamic_read_timeout = ${options.readTimeoutSeconds}`);
  }
  if (options.caFile !== undefined) lines.push(`vendordata_dynamic_ssl_certfile = ${CA_FILE}`);
  if (auth !== undefined) {
    lines.push(
      '[vendordata_dynamic_auth]',
      'auth_type = password',
      `auth_url = ${auth.url}/v3`,
      `username = ${auth.user.name}`,
      `password = ${auth.user.password}`,
      `project_name = ${auth.user.project}`,
      'user_domain_id = default',
      'project_domain_id = default',
    );
  }
  return `${lines.join('\n')}\n`;
}

export async function startNova(options: NovaOptions): Promise<NovaMetadata> {
  return await NovaMetadata.start(options);
}
