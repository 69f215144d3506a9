import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { uriRefused, withoutSecrets } from '../../domain/uri-filter.ts';
import type { Network } from '../../settings/download-settings.ts';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Of all of IPv6 only this is given to anybody in the world. */
const GLOBAL_UNICAST = ipaddr.parseCIDR('2000::/3');
/** Ways to write an IPv4 address as one of IPv6: mapped, and what a NAT64 gateway takes. */
const MAPPED = ipaddr.parseCIDR('::ffff:0:0/96');
const NAT64 = ipaddr.parseCIDR('64:ff9b::/96');

/**
 * Whether data may be taken from an address: from global ones, and from those that the operator allows.
 * What tunnels (6to4, Teredo) or translates is judged by where it leads, or refused.
 */
export function isAllowedAddress(text: string, allowed: readonly Network[]): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = unwrapped(ipaddr.parse(text));
  return isGlobal(address) || allowed.some((network) => isIn(address, network));
}

/** The address that stands in a URL in the place of a name. */
export function addressIn({
  hostname,
}: URL): { readonly address: string; readonly family: number } | undefined {
  const address = hostname.replace(/^\[|\]$/g, '');
  const family = isIP(address);
  return family === 0 ? undefined : { address, family };
}

/**
 * What can be said before anything is looked up. Names are judged when they are asked.
 *
 * @throws HallmarkError `URI_REFUSED`
 */
export function requireAllowedLiteral(url: URL, allowed: readonly Network[]): void {
  const literal = addressIn(url);
  if (literal && !isAllowedAddress(literal.address, allowed)) throw uriRefused(withoutSecrets(url.href));
}

function isGlobal(address: Address): boolean {
  if (address.range() !== 'unicast') return false;
  return address instanceof ipaddr.IPv4 || isIn(address, GLOBAL_UNICAST);
}

/** The address to which packets really go. */
function unwrapped(address: Address): Address {
  if (address instanceof ipaddr.IPv4) return address;
  return isIn(address, MAPPED) || isIn(address, NAT64)
    ? new ipaddr.IPv4(address.toByteArray().slice(-4))
    : address;
}

function isIn(address: Address, [network, bits]: Network): boolean {
  return address.kind() === network.kind() && address.match(network, bits);
}
