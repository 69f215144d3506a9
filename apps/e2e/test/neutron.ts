import { createHmac } from 'node:crypto';
import { createServer, request as ask, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HOST_FROM_CONTAINERS } from '@hallmark/testing';

export const SHARED_SECRET = 's3cr3t';

/** What makes Hallmark believe Neutron's proxy. */
export const NEUTRON_CONFIG = `[neutron]
service_metadata_proxy = true
metadata_proxy_shared_secret = ${SHARED_SECRET}
`;

/** Who asks, as Neutron knows it from the port. */
export interface Guest {
  readonly instanceId: string;
  readonly projectId: string;
  readonly address?: string;
}

/** What Neutron's metadata agent adds to a guest's request. */
export const neutronHeaders = ({ instanceId, projectId, address = '10.1.0.7' }: Guest) => ({
  'X-Forwarded-For': address,
  'X-Instance-ID': instanceId,
  'X-Tenant-ID': projectId,
  'X-Instance-ID-Signature': createHmac('sha256', SHARED_SECRET).update(instanceId).digest('hex'),
});

/**
 * Neutron's metadata proxy for one guest, as an HTTP proxy: whatever the guest asks of any address,
 * 169.254.169.254 above all, is asked of the metadata API, with the headers that say who it is.
 */
export class NeutronProxy implements AsyncDisposable {
  /** Method and path of each request, in order. */
  readonly requests: string[] = [];
  readonly #server = createServer((request, response) => this.#forward(request, response));
  readonly #guest: Guest;
  readonly #upstream: { readonly host: string; readonly port: number };

  private constructor(guest: Guest, upstream: { readonly host: string; readonly port: number }) {
    this.#guest = guest;
    this.#upstream = upstream;
  }

  static async start(
    guest: Guest,
    upstream: { readonly host: string; readonly port: number },
  ): Promise<NeutronProxy> {
    const proxy = new NeutronProxy(guest, upstream);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '0.0.0.0', resolve));
    return proxy;
  }

  /** For `http_proxy` in a container. */
  get urlFromContainers(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://${HOST_FROM_CONTAINERS}:${port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #forward(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, search } = new URL(request.url ?? '/', 'http://169.254.169.254');
    this.requests.push(`${request.method} ${pathname}${search}`);
    const { accept = '*/*', 'user-agent': agent = '' } = request.headers;
    const forwarded = ask(
      {
        ...this.#upstream,
        method: request.method,
        path: `${pathname}${search}`,
        headers: { accept, 'user-agent': agent, ...neutronHeaders(this.#guest) },
        agent: false,
      },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    // uWSGI ends a connection without a byte where Nova's code fails.
    forwarded.on('error', () => response.destroy());
    request.pipe(forwarded);
  }
}
