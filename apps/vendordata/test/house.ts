import { jest } from '@jest/globals';
import { vendordata } from '@hallmark/contracts';
import { createRpcClient, type RpcClient } from '@hallmark/rpc';
import {
  createLogger,
  newRequestId,
  parseConfig,
  Registry,
  testContext,
  type Config,
  type RunningApp,
  type WorkerBus,
} from '@hallmark/runtime';
import { startVendordata } from '../src/index.ts';
import { FakeIdentity } from './fake-identity.ts';

// On a busy machine everything may take ten times as long; no test waits for a time to pass for nothing.
jest.setTimeout(60_000);

/** As recorded from Nova: shared/transcripts/nova-vendordata-target.txt. */
export const NOVA_BODY =
  '{"project-id": "b1c0ec969e3a4133bea1e08f2c92ec8d", "instance-id": "c816c437-3a39-4e0f-bfc6-4bc0e64238b2", ' +
  '"image-id": "6b0a1d1c-4a5e-4c37-9d0e-0a5a7f3b0001", "user-data": "I2Nsb3VkLWNvbmZpZwpob3N0bmFtZTogZnJvbS11c2VyLWRhdGEK", ' +
  '"hostname": "web", "metadata": {"role": "web", "tier": "gold"}, "boot-roles": "reader,member"}';
export const PROJECT = 'b1c0ec969e3a4133bea1e08f2c92ec8d';
export const INSTANCE = 'c816c437-3a39-4e0f-bfc6-4bc0e64238b2';

/** The recorded description of another instance. */
export const instanceNumber = (number: number): string =>
  NOVA_BODY.replace(INSTANCE, `c816c437-3a39-4e0f-bfc6-${number.toString(16).padStart(12, '0')}`);

export interface AskOptions {
  instance?: string | Buffer;
  target?: string;
  document?: vendordata.ResolveRequest_Document;
  freeze?: vendordata.Freeze;
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** What came of one target, in the words of the tests. */
export interface Contributed {
  json: string;
  source: string;
  failure: string;
}

const SOURCES = Object.fromEntries(
  Object.entries(vendordata.Contribution_Source).map(([name, value]) => [value, name.toLowerCase()]),
);

export interface HouseOptions {
  /** Log lines are collected instead of lost. */
  readonly log?: string[];
  /** By which it hears of other workers; without it there are none. */
  readonly bus?: WorkerBus;
}

/** The vendordata service, a client of it, and an identity service that it can ask. */
export class House implements AsyncDisposable {
  readonly identity: FakeIdentity;
  readonly running: RunningApp;
  readonly registry: Registry;
  readonly client: RpcClient<typeof vendordata.VendordataServiceService>;

  private constructor(identity: FakeIdentity, running: RunningApp, registry: Registry) {
    this.identity = identity;
    this.running = running;
    this.registry = registry;
    this.client = createRpcClient(vendordata.VendordataServiceService, {
      name: 'vendordata',
      endpoints: running.addresses['rpc'] ?? [],
      registry: new Registry(),
    });
  }

  static async open(ini: string, options: HouseOptions = {}): Promise<House> {
    const identity = await FakeIdentity.start();
    const registry = new Registry();
    const { log: lines, bus } = options;
    const context = {
      ...testContext('vendordata'),
      registry,
      ...(bus && { bus }),
      ...(lines && {
        log: createLogger({ app: 'vendordata', destination: { write: (line) => lines.push(line) } }),
      }),
    };
    try {
      const running = await startVendordata(House.config(ini, identity), context);
      return new House(identity, running, registry);
    } catch (error) {
      await identity[Symbol.asyncDispose]();
      throw error;
    }
  }

  static config(ini: string, identity: Pick<FakeIdentity, 'endpoint'>): Config {
    return parseConfig(
      `[vendordata]\nlisten = 127.0.0.1:0\n[rpc]\nidentity_endpoints = ${identity.endpoint}\n${ini}`,
    );
  }

  async resolve(options: AskOptions = {}): Promise<vendordata.ResolveResponse> {
    const { instance = NOVA_BODY, target = '', timeoutMs = 20_000, signal } = options;
    const { document = vendordata.ResolveRequest_Document.UNSPECIFIED, freeze } = options;
    return await this.client.resolve(
      { instanceJson: Buffer.from(instance), target, document, freeze },
      { requestId: newRequestId(), timeoutMs, signal },
    );
  }

  /** The contributions by name, in order. */
  async document(options: AskOptions = {}): Promise<Record<string, Contributed>> {
    const { contributions } = await this.resolve(options);
    return Object.fromEntries(
      contributions.map(({ name, json, source, failureReason }) => [
        name,
        { json: json.toString(), source: SOURCES[source] ?? '', failure: failureReason },
      ]),
    );
  }

  async probe(target: string, options: AskOptions = {}): Promise<vendordata.ProbeTargetResponse> {
    const { instance = NOVA_BODY, timeoutMs = 20_000 } = options;
    return await this.client.probeTarget(
      { target, instanceJson: Buffer.from(instance) },
      { requestId: newRequestId(), timeoutMs },
    );
  }

  /** The target as operators see it. */
  async target(name: string): Promise<vendordata.Target> {
    const { targets } = await this.client.listTargets({}, { requestId: newRequestId(), timeoutMs: 5_000 });
    const found = targets.find((target) => target.name === name);
    if (!found) throw new Error(`No target ${name} is listed.`);
    return found;
  }

  async reload(ini: string): Promise<void> {
    await this.running.reload?.(House.config(ini, this.identity));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    await this.running[Symbol.asyncDispose]();
    await this.identity[Symbol.asyncDispose]();
  }
}

export const openHouse = async (ini: string, options?: HouseOptions): Promise<House> =>
  await House.open(ini, options);

/** Nova's list of targets. */
export const listed = (targets: Readonly<Record<string, string>>): string =>
  `[api]\nvendordata_dynamic_targets = ${Object.entries(targets)
    .map(([name, url]) => `${name}@${url}`)
    .join(',')}\n`;
