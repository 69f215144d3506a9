import { createLogger, parseConfig, Registry, testContext, type RunningApp } from '@hallmark/runtime';
import { startRelay, waitFor, type Relay } from '@hallmark/testing';
import { Agent, request } from 'undici';
import { startGateway } from '../src/index.ts';
import { aCaller, FakeIdentity } from './fake-identity.ts';
import { FakeVendordata } from './fake-vendordata.ts';

export const SERVICE_TOKEN = 'gAAAAABservice';
export const MEMBER_TOKEN = 'gAAAAABmember';
export const INSTANCE = '2ae914e9-f5ab-44ce-b2a2-dcf8373d899d';

/** What Nova says of an instance, as it writes it. */
export const aBody = (given: Record<string, unknown> = {}): string =>
  JSON.stringify({
    'project-id': '6f0b5d0c8f5c4d8f9a3b8e0f2d1c7a90',
    'instance-id': INSTANCE,
    'image-id': '75a74383-f276-4774-8074-8c4e3ff2ca64',
    'user-data': 'IyEvYmluL3NoCmVjaG8gaGkK',
    hostname: 'mail-1',
    metadata: { role: 'mail' },
    'boot-roles': 'member,reader',
    ...given,
  });

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface Post {
  readonly path?: string;
  readonly method?: string;
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly signal?: AbortSignal;
}

/** A wire that a test can cut, to who listens at `host:port`. */
export async function wireTo(address: string): Promise<Relay> {
  const { hostname: host, port } = new URL(`http://${address}`);
  return startRelay({ host, port: Number(port) });
}

/** The gateway between two small services that do what the test says. */
export class House implements AsyncDisposable {
  readonly identity: FakeIdentity;
  readonly vendordata: FakeVendordata;
  readonly gateway: RunningApp;
  readonly registry: Registry;
  /** The lines that the gateway logged. */
  readonly lines: string[];
  /** Moved by hand where a test gave a clock of its own. */
  readonly clock: { nowMs: number } | undefined;
  readonly #agent = new Agent({ connect: { rejectUnauthorized: false } });
  readonly #stack: AsyncDisposableStack;

  private constructor(
    identity: FakeIdentity,
    vendordata: FakeVendordata,
    gateway: RunningApp,
    rest: {
      registry: Registry;
      lines: string[];
      clock: { nowMs: number } | undefined;
      stack: AsyncDisposableStack;
    },
  ) {
    this.identity = identity;
    this.vendordata = vendordata;
    this.gateway = gateway;
    this.registry = rest.registry;
    this.lines = rest.lines;
    this.clock = rest.clock;
    this.#stack = rest.stack;
  }

  static async open({ ini = '', clock }: { ini?: string; clock?: { nowMs: number } } = {}): Promise<House> {
    await using opening = new AsyncDisposableStack();
    const identity = opening.use(await FakeIdentity.start());
    const vendordata = opening.use(await FakeVendordata.start());
    identity.callers.set(SERVICE_TOKEN, aCaller());
    identity.callers.set(MEMBER_TOKEN, aCaller({ userId: 'alice-id', userName: 'alice', roles: ['member'] }));
    const lines: string[] = [];
    const log = createLogger({ app: 'gateway', destination: { write: (line) => void lines.push(line) } });
    const registry = new Registry();
    const gateway = opening.use(
      await startGateway(
        parseConfig(withEndpoints(ini, identity.address, vendordata.address)),
        { ...testContext('gateway'), log, registry },
        clock && (() => clock.nowMs),
      ),
    );
    await waitFor('both watches', async () => gateway.ready());
    return new House(identity, vendordata, gateway, {
      registry,
      lines,
      clock,
      stack: opening.move(),
    });
  }

  get address(): string {
    return this.gateway.addresses['nova']?.[0] ?? '';
  }

  /** Nova's POST, where only what matters is given. */
  async post({
    path = '/vendordata',
    method = 'POST',
    token = SERVICE_TOKEN,
    ...given
  }: Post = {}): Promise<Reply> {
    const answer = await request(`http://${this.address}${path}`, {
      method: method as 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === null ? {} : { 'x-auth-token': token }),
        ...given.headers,
      },
      body: given.body ?? (method === 'POST' ? aBody() : null),
      dispatcher: this.#agent,
      signal: given.signal,
    });
    return { status: answer.statusCode, headers: answer.headers, body: await answer.body.text() };
  }

  /** A metric's value, by its name and labels as Prometheus writes them. */
  async metric(series: string): Promise<number> {
    const text = await this.registry.metrics();
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
    return Number(line?.slice(series.length + 1) ?? 0);
  }

  /** Tells the gateway to forget answers, and waits until it has heard. */
  async purge(instanceId: string, target: string): Promise<void> {
    await this.#heard('vendordata', () => {
      this.vendordata.watch.emit({ $case: 'answersInvalidated', value: { instanceId, target } });
    });
  }

  /** Tells the gateway to forget a token, and waits until it has heard. */
  async takeBack(tokenSha256: string): Promise<void> {
    await this.#heard('identity', () => {
      this.identity.watch.emit({ $case: 'tokenInvalidated', value: { tokenSha256 } });
    });
  }

  async #heard(service: string, tell: () => void): Promise<void> {
    const series = `hallmark_gateway_invalidations_total{service="${service}"}`;
    const before = await this.metric(series);
    tell();
    await waitFor('the gateway to hear', async () => (await this.metric(series)) > before);
  }

  /** The log lines of requests, the newest last. */
  get requests(): Record<string, unknown>[] {
    return this.lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ msg }) => msg === 'request');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
    await this.#stack.disposeAsync();
  }
}

/** The test's own options, and where the services are. */
const withEndpoints = (ini: string, identity: string, vendordata: string): string => `
[rpc]
identity_endpoints = ${identity}
vendordata_endpoints = ${vendordata}
[gateway_nova]
${ini.includes('listen =') ? '' : 'listen = 127.0.0.1:0'}
[keystone_authtoken]
www_authenticate_uri = https://keystone.example.test/v3
${ini}
`;
