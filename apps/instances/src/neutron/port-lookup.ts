import { isIP } from 'node:net';
import { z } from 'zod';
import { notFound, notReady } from '@hallmark/errors';
import type { Call } from '@hallmark/rpc';
import type { Neutron } from './neutron.ts';

/** Where a request came from, as its proxy says. */
export interface Place {
  /** The metadata provider as the load balancer names itself. Empty: any network. */
  readonly providerId: string;
  readonly address: string;
}

/** Whose it is. */
export interface Occupant {
  readonly instanceId: string;
  readonly projectId: string;
}

/** As many as Nova puts into one query: more make the URL too long (LP#1861087). */
const NETWORKS_PER_QUERY = 160;

const Subnet = z.object({ network_id: z.string() });
const Port = z.object({ device_id: z.string(), tenant_id: z.string() });

/** Finds the instance behind an address by Neutron's ports, with Nova's queries. */
export class PortLookup {
  readonly #neutron: Pick<Neutron, 'list'>;

  constructor(neutron: Pick<Neutron, 'list'>) {
    this.#neutron = neutron;
  }

  /** @throws HallmarkError `NO_SUBNETS`, `PORTS_AMBIGUOUS`, `ADDRESS_UNKNOWN`, `NEUTRON_UNAVAILABLE` */
  async find(place: Place, call: Call): Promise<Occupant> {
    const ports = await this.#portsAt(place, call);
    const { providerId, address } = place;
    const [port] = ports;
    if (providerId === '' && port === undefined) throw unknownAddress(address);
    if (port === undefined || ports.length > 1) {
      const which = providerId === '' ? `IP ${address}` : `provider ${providerId} and IP ${address}`;
      throw notReady('PORTS_AMBIGUOUS', `Expected a single port matching ${which}. Found ${ports.length}.`);
    }
    // A port that nothing is plugged into.
    if (port.device_id === '') throw unknownAddress(address);
    return { instanceId: port.device_id, projectId: port.tenant_id };
  }

  async #portsAt({ providerId, address }: Place, call: Call): Promise<readonly z.infer<typeof Port>[]> {
    if (providerId === '') return await this.#ports(address, [], call);
    const query = new URLSearchParams({ advanced_service_providers: providerId, fields: 'network_id' });
    const subnets = await this.#neutron.list('subnets', query, Subnet, call);
    const networks = [...new Set(subnets.map(({ network_id }) => network_id))];
    if (networks.length === 0) {
      throw notReady('NO_SUBNETS', `Could not find any subnets for provider ${providerId}`);
    }
    const ports = [];
    for (let start = 0; start < networks.length; start += NETWORKS_PER_QUERY) {
      ports.push(...(await this.#ports(address, networks.slice(start, start + NETWORKS_PER_QUERY), call)));
    }
    return ports;
  }

  async #ports(
    address: string,
    networks: readonly string[],
    call: Call,
  ): Promise<readonly z.infer<typeof Port>[]> {
    // Neutron would take what is no address for a pattern, or refuse it.
    if (isIP(address) === 0) return [];
    const query = new URLSearchParams({ fixed_ips: `ip_address=${address}` });
    for (const network of networks) query.append('network_id', network);
    for (const field of ['device_id', 'tenant_id']) query.append('fields', field);
    return await this.#neutron.list('ports', query, Port, call);
  }
}

const unknownAddress = (address: string): Error =>
  notFound('ADDRESS_UNKNOWN', `There is no instance at ${address}.`);
