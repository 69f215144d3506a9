/** Where a listener binds. */
export interface ListenAddress {
  /** A host name, an IPv4 address or an IPv6 address without brackets. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

const SHAPE = /^(?:\[(?<v6>[0-9A-Fa-f:.]+(?:%\w+)?)\]|(?<host>[^\s:[\]/@]*)):(?<port>\d{1,5})$/;

/**
 * Reads `127.0.0.1:8780`, `[::1]:8780`, `gateway.example.test:8780` or `:8780`. The last binds all
 * addresses, IPv6 and IPv4 alike. Throws a RangeError that says what is wrong.
 */
export function parseListenAddress(text: string): ListenAddress {
  const { v6, host, port } = SHAPE.exec(text.trim())?.groups ?? {};
  if (port === undefined) {
    throw new RangeError(
      `"${text}" is not an address with a port, such as 127.0.0.1:8780, [::1]:8780 or :8780`,
    );
  }
  if (Number(port) > 65_535) throw new RangeError(`"${text}" has a port above 65535`);
  return { host: v6 ?? (host || '::'), port: Number(port) };
}

/** The inverse of `parseListenAddress`, as it appears in logs and answers. */
export function formatListenAddress({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether only this machine can reach an address bound to `host`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** What `server.listen` of Node wants to know. */
export interface BindOptions extends ListenAddress {
  readonly ipv6Only: boolean;
}

/** All addresses of one listener. `::` takes IPv4 too, unless IPv4 has the same port beside it. */
export function bindOptions(listen: readonly string[]): BindOptions[] {
  const addresses = listen.map(parseListenAddress);
  return addresses.map((address) => ({
    ...address,
    ipv6Only:
      address.host === '::' &&
      address.port !== 0 &&
      addresses.some(({ host, port }) => port === address.port && !host.includes(':')),
  }));
}
