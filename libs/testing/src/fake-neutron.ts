import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A port with one fixed address. */
export interface FakePort {
  readonly networkId: string;
  readonly address: string;
  /** UUID of the instance. Empty: nothing is plugged in. */
  readonly deviceId: string;
  readonly tenantId: string;
}

export interface FakeSubnet {
  readonly networkId: string;
  /** Advanced service providers. */
  readonly providers: readonly string[];
}

/** A request as it came in. */
export interface NeutronRequest {
  /** With the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly token: string | undefined;
}

type Page = Readonly<Record<string, unknown>>;

/** Neutron on loopback, as far as it lists subnets and ports by filters. */
export class FakeNeutron implements AsyncDisposable {
  readonly requests: NeutronRequest[] = [];
  readonly subnets: FakeSubnet[] = [];
  readonly ports: FakePort[] = [];
  /** Answered with 401. */
  readonly rejectedTokens = new Set<string>();
  /** Answered to everybody, while it is set, with these headers. */
  failure: { readonly status: number; readonly headers?: Readonly<Record<string, string>> } | undefined;
  /** Takes requests and never answers them. */
  isHanging = false;
  /** As `pagination_max_limit`. */
  pageSize = Infinity;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<FakeNeutron> {
    const server = createServer();
    const fake = new FakeNeutron(server);
    server.on('request', (request, response) => fake.#answer(request, response));
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    return fake;
  }

  /** As `[neutron] endpoint_override` takes it. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, search, searchParams: query } = new URL(request.url ?? '/', this.url);
    const token = request.headers['x-auth-token']?.toString();
    this.requests.push({ path: `${pathname}${search}`, query, token });
    if (this.isHanging) return;
    if (this.failure) response.writeHead(this.failure.status, this.failure.headers).end();
    else if (token === undefined || this.rejectedTokens.has(token)) response.writeHead(401).end();
    else {
      const page = this.#list(pathname, query);
      response.writeHead(page ? 200 : 404, { 'content-type': 'application/json' });
      response.end(JSON.stringify(page ?? {}));
    }
  }

  #list(path: string, query: URLSearchParams): Page | undefined {
    if (path === '/v2.0/subnets') {
      const providers = query.getAll('advanced_service_providers');
      const subnets = this.subnets.filter((subnet) =>
        subnet.providers.some((one) => providers.includes(one)),
      );
      const items = subnets.map(({ networkId }) => ({ network_id: networkId }));
      return this.#page('subnets', items, query);
    }
    if (path !== '/v2.0/ports') return undefined;
    const networks = query.getAll('network_id');
    const [, address] = /^ip_address=(.+)$/.exec(query.get('fixed_ips') ?? '') ?? [];
    const ports = this.ports.filter(
      (port) => port.address === address && (networks.length === 0 || networks.includes(port.networkId)),
    );
    const items = ports.map(({ deviceId, tenantId }) => ({ device_id: deviceId, tenant_id: tenantId }));
    return this.#page('ports', items, query);
  }

  /** The marker is a number here, which is the server's business. */
  #page(name: string, items: readonly unknown[], query: URLSearchParams): Page {
    const start = Number(query.get('marker') ?? 0);
    const end = start + this.pageSize;
    if (end >= items.length) return { [name]: items.slice(start) };
    const next = new URLSearchParams(query);
    next.set('marker', String(end));
    const href = `http://neutron.internal/v2.0/${name}?${next.toString()}`;
    return { [name]: items.slice(start, end), [`${name}_links`]: [{ rel: 'next', href }] };
  }
}

export const startFakeNeutron = async (): Promise<FakeNeutron> => await FakeNeutron.start();
