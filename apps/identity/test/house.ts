import { identity } from '@hallmark/contracts';
import { createRpcClient, type RpcClient } from '@hallmark/rpc';
import {
  Registry,
  createLogger,
  newRequestId,
  parseConfig,
  testContext,
  type Config,
  type RunningApp,
  type WorkerBus,
} from '@hallmark/runtime';
import { startFakeKeystone, type FakeKeystone, type FakeKeystoneOptions } from '@hallmark/testing';
import { startIdentity } from '../src/index.ts';

export type Sections = Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;

export type IdentityClient = RpcClient<typeof identity.IdentityServiceService>;

export interface HouseOptions {
  readonly keystone?: FakeKeystoneOptions;
  /** Options that differ from those of `sectionsFor`. */
  readonly config?: Sections;
  readonly bus?: WorkerBus;
}

/** A fake Keystone, the identity service that uses it, and a client of that. */
export interface House extends AsyncDisposable {
  readonly keystone: FakeKeystone;
  readonly running: RunningApp;
  readonly client: IdentityClient;
  /** What was logged, a JSON line each. */
  readonly log: readonly string[];
  readonly validate: (token: string, serviceToken?: string) => Promise<identity.ValidateTokenResponse>;
  readonly serviceToken: (rejected?: string) => Promise<identity.GetServiceTokenResponse>;
  /** Sum of the values whose labels match. */
  readonly metric: (name: string, labels?: Record<string, string>) => Promise<number>;
}

/** Both accounts of the default fake Keystone, on free ports. */
export function sectionsFor(keystone: FakeKeystone): Sections {
  const account = (username: string): Record<string, string> => ({
    auth_type: 'password',
    auth_url: `${keystone.url}/v3`,
    username,
    password: `${username}-secret`,
    user_domain_name: 'Default',
    project_name: 'service',
    project_domain_name: 'Default',
  });
  return {
    identity: { listen: '127.0.0.1:0' },
    keystone_authtoken: account('hallmark'),
    vendordata_dynamic_auth: account('nova'),
  };
}

export function configOf(...layers: readonly Sections[]): Config {
  const merged = new Map<string, Record<string, unknown>>();
  for (const layer of layers) {
    for (const [section, options] of Object.entries(layer)) {
      merged.set(section, { ...merged.get(section), ...options });
    }
  }
  const lines = [...merged].flatMap(([section, options]) => [
    `[${section}]`,
    ...Object.entries(options).map(([option, value]) => `${option} = ${String(value)}`),
  ]);
  return parseConfig(lines.join('\n'));
}

export async function startHouse(options: HouseOptions = {}): Promise<House> {
  return startHouseAt(await startFakeKeystone(options.keystone), options);
}

/** With a Keystone that is there already, and that ends with the house. */
export async function startHouseAt(keystone: FakeKeystone, options: HouseOptions = {}): Promise<House> {
  const house = await startIdentityAt(keystone, options);
  return {
    ...house,
    async [Symbol.asyncDispose]() {
      await house[Symbol.asyncDispose]();
      await keystone[Symbol.asyncDispose]();
    },
  };
}

/** Another identity service at a Keystone that is there already. */
export async function startIdentityAt(keystone: FakeKeystone, options: HouseOptions = {}): Promise<House> {
  const config = configOf(sectionsFor(keystone), options.config ?? {});
  const log: string[] = [];
  const context = {
    ...testContext('identity'),
    log: createLogger({
      app: 'identity',
      level: 'trace',
      destination: { write: (line: string) => log.push(line) },
    }),
    ...(options.bus && { bus: options.bus }),
  };
  const running = await startIdentity(config, context);
  const client = createRpcClient(identity.IdentityServiceService, {
    name: 'identity',
    endpoints: running.addresses['rpc'] ?? [],
    registry: new Registry(),
  });
  const call = () => ({ requestId: newRequestId(), timeoutMs: 8_000 });
  return {
    keystone,
    running,
    client,
    log,
    validate: (token, serviceToken = '') => client.validateToken({ token, serviceToken }, call()),
    serviceToken: (rejectedTokenSha256 = '') => client.getServiceToken({ rejectedTokenSha256 }, call()),
    async metric(name, labels = {}) {
      const metrics = await context.registry.getMetricsAsJSON();
      const values = metrics.find((candidate) => candidate.name === name)?.values ?? [];
      const matching = values.filter((value) =>
        Object.entries(labels).every(([label, text]) =>
          Object.entries(value.labels).some(([key, found]) => key === label && found === text),
        ),
      );
      return matching.reduce((sum, { value }) => sum + value, 0);
    },
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await running[Symbol.asyncDispose]();
    },
  };
}

/** The validations that Keystone was asked for. */
export function validationsOf(keystone: FakeKeystone): FakeKeystone['requests'] {
  return keystone.requests.filter(({ method, url }) => method === 'GET' && url.startsWith('/v3/auth/tokens'));
}

/** The logins that Keystone was asked for, those of one account or all. */
export function loginsOf(keystone: FakeKeystone, user = ''): FakeKeystone['requests'] {
  return keystone.requests.filter(({ method, body }) => method === 'POST' && body.includes(`"${user}`));
}
