import type { LookupFunction } from 'node:net';
import { Agent } from 'undici';

export interface HostAddress {
  readonly address: string;
  readonly family: number;
}

export interface AgentTimeouts {
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
}

/**
 * Connects to these addresses and to no other, whatever the name says by then: between the check and
 * the connection nobody is asked again. Certificates are still those of the name.
 */
export function pinnedAgent(
  addresses: readonly HostAddress[],
  { connectTimeoutMs, readTimeoutMs }: AgentTimeouts,
): Agent {
  const lookup: LookupFunction = (_hostname, options, callback) => {
    const [first] = addresses;
    if (first === undefined) callback(new Error('The host has no address.'), '', 0);
    else if (options.all === true) callback(null, [...addresses]);
    else callback(null, first.address, first.family);
  };
  return new Agent({
    connect: { lookup, timeout: connectTimeoutMs },
    headersTimeout: readTimeoutMs,
    bodyTimeout: readTimeoutMs,
    connections: 1,
  });
}
