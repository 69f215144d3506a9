import { jest } from '@jest/globals';
import { Client } from 'pg';
import { instances } from '@hallmark/contracts';
import { createRpcClient, type RpcClient } from '@hallmark/rpc';
import {
  newRequestId,
  parseConfig,
  Registry,
  testContext,
  type Config,
  type RunningApp,
} from '@hallmark/runtime';
import { waitFor, type FakeNeutron } from '@hallmark/testing';
import { startInstances } from '../src/index.ts';
import { FakeIdentity } from './fake-identity.ts';

// On a busy machine everything may take ten times as long; no test waits for a time to pass for nothing.
jest.setTimeout(60_000);

export const PROJECT = '6f0b5d0c8f5c4d8f9a3b8e0f2d1c7a90';
export const OTHER_PROJECT = 'b1c0ec969e3a4133bea1e08f2c92ec8d';
export const USER = '5a7c0c6f3b1e4b0f8f6c2f1f0d9e8b7a';
export const IMAGE = '75a74383-f276-4774-8074-8c4e3ff2ca64';

export interface BootOptions {
  readonly boot?: Partial<instances.Boot>;
  readonly projectId?: string;
  readonly bootRoles?: readonly string[];
  readonly idempotencyKey?: string;
}

/** The request of a boot in which only what is given is out of the ordinary. */
export const bootRequest = ({
  boot = {},
  projectId = PROJECT,
  bootRoles = ['member', 'reader'],
  idempotencyKey = '',
}: BootOptions = {}): instances.CreateInstanceRequest => ({
  boot: instances.Boot.fromPartial({ name: 'Mail 1', imageId: IMAGE, flavor: 'm1.small', ...boot }),
  projectId,
  userId: USER,
  bootRoles: [...bootRoles],
  idempotencyKey,
});

export interface HouseOptions {
  /** `[postgres] url` of a database of its own. */
  readonly database: string;
  readonly neutron?: FakeNeutron;
  /** Where config drives get vendordata. Not given: nowhere, so that no build comes to its end. */
  readonly vendordata?: string;
  /** More options. */
  readonly ini?: string;
  /** Start although PostgreSQL is not there. */
  readonly unready?: boolean;
}

/** A port that nobody listens on. */
const NOWHERE = '127.0.0.1:1';

/** The instances service, a client of it, and an identity service that it can ask. */
export class House implements AsyncDisposable {
  readonly identity: FakeIdentity;
  readonly running: RunningApp;
  readonly registry: Registry;
  readonly client: RpcClient<typeof instances.InstancesServiceService>;
  readonly #options: HouseOptions;

  private constructor(
    options: HouseOptions,
    identity: FakeIdentity,
    running: RunningApp,
    registry: Registry,
  ) {
    this.#options = options;
    this.identity = identity;
    this.running = running;
    this.registry = registry;
    this.client = createRpcClient(instances.InstancesServiceService, {
      name: 'instances',
      endpoints: running.addresses['rpc'] ?? [],
      registry: new Registry(),
    });
  }

  static async open(options: HouseOptions): Promise<House> {
    await using open = new AsyncDisposableStack();
    const identity = open.use(await FakeIdentity.start());
    const registry = new Registry();
    const config = House.#config(options, identity);
    const running = open.use(await startInstances(config, { ...testContext('instances'), registry }));
    const house = new House(options, identity, running, registry);
    open.use(house.client);
    if (options.unready !== true) await waitFor('instances to be ready', () => running.ready());
    open.move();
    return house;
  }

  static #config(
    { database, neutron, vendordata = NOWHERE, ini = '' }: HouseOptions,
    identity: FakeIdentity,
  ): Config {
    return parseConfig(
      `[instances]\nlisten = 127.0.0.1:0\ndata_listen = 127.0.0.1:0\n[postgres]\nurl = ${database}\n` +
        `[rpc]\nidentity_endpoints = ${identity.endpoint}\nvendordata_endpoints = ${vendordata}\n` +
        `[neutron]\nendpoint_override = ${neutron?.url ?? ''}\n${ini}`,
    );
  }

  async boot(options: BootOptions = {}): Promise<instances.Instance> {
    return present((await this.client.createInstance(bootRequest(options), call())).instance);
  }

  async get(id: string, projectId = ''): Promise<instances.Instance> {
    return present((await this.client.getInstance({ id, projectId }, call())).instance);
  }

  async metadata(id: string): Promise<instances.GetMetadataResponse> {
    return await this.client.getMetadata({ id }, call());
  }

  /** The text of `/openstack/latest/PATH`. */
  async document(id: string, path: string): Promise<string> {
    return documentOf(await this.metadata(id), path);
  }

  async reload(ini: string): Promise<void> {
    await this.running.reload?.(House.#config({ ...this.#options, ini }, this.identity));
  }

  /** Rows as they are in its schema. */
  async rows(text: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
    const client = new Client({
      connectionString: this.#options.database,
      options: '-c search_path=instances',
    });
    await client.connect();
    try {
      const { rows } = await client.query<Record<string, unknown>>(text, [...values]);
      return rows;
    } finally {
      await client.end();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    await this.running[Symbol.asyncDispose]();
    await this.identity[Symbol.asyncDispose]();
  }
}

export const call = (timeoutMs = 20_000): { requestId: string; timeoutMs: number } => ({
  requestId: newRequestId(),
  timeoutMs,
});

/** What protobuf says may be missing, and a test relies on. */
export function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('The answer lacks what it must hold.');
  return value;
}

/** The text of `/openstack/latest/PATH`. */
export function documentOf(metadata: instances.GetMetadataResponse, path: string): string {
  const tree = present(metadata.trees[present(metadata.openstackVersions['latest'])]);
  const entry = present(tree.entries.find((candidate) => candidate.path === path));
  return present(metadata.contents[entry.content]).toString();
}
