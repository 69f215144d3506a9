import type { IncomingMessage } from 'node:http';
import { HttpFailure } from '../http/http-failure.ts';
import { badSignature, headerMissing, notFound } from './guest-failures.ts';
import type { SharedSecrets } from './shared-secrets.ts';

/** How guests are known. */
export interface ClaimRules {
  /** Whether a proxy says who they are; else their TCP address does. */
  readonly proxied: boolean;
  readonly secrets: SharedSecrets;
  /** Whether there is a secret that is one. Without, anybody may be anybody. */
  readonly secret: boolean;
}

/** Who a guest is said to be, by somebody who may say so. */
export interface Claim {
  readonly instanceId: string;
  readonly projectId: string;
  /** The guest's address as text. Undefined: the proxy did not say. */
  readonly address: string | undefined;
}

/** Where a guest is. Whose address it is must still be found out. */
export interface Place {
  /** The metadata provider, as the load balancer names itself. Empty: any network. */
  readonly providerId: string;
  readonly address: string;
}

export type Introduction =
  | { readonly by: 'proxy'; readonly claim: Claim }
  | { readonly by: 'load-balancer' | 'address'; readonly place: Place };

/**
 * Reads who is asking, by what the proxy in front signed or by the TCP address; nothing else that a guest
 * sends is looked at. A header that came twice reads as one value with a comma, which is nobody's
 * signature, id or project: it fails as in Nova.
 *
 * @throws HttpFailure in Nova's order and words.
 */
export function introductionOf(request: IncomingMessage, rules: ClaimRules): Introduction {
  if (!rules.proxied) {
    return { by: 'address', place: { providerId: '', address: peerOf(request) } };
  }
  const provider = header(request, 'x-metadata-provider');
  return provider
    ? { by: 'load-balancer', place: placeSaid(request, provider, rules) }
    : { by: 'proxy', claim: claimSigned(request, rules) };
}

/** Neutron's metadata proxy: it knows the guest, and signs its id. */
function claimSigned(request: IncomingMessage, { secrets }: ClaimRules): Claim {
  const instanceId = required(request, 'X-Instance-ID');
  const signature = required(request, 'X-Instance-ID-Signature');
  const projectId = required(request, 'X-Tenant-ID');
  if (!secrets.signed(instanceId, signature)) throw badSignature();
  // What is no id is no instance's, and nothing to ask the service for.
  if (!INSTANCE_ID.test(instanceId)) throw notFound('INSTANCE_UNKNOWN');
  return { instanceId, projectId, address: header(request, 'x-forwarded-for') };
}

/** A load balancer: it signs its own id, and says the guest's address. */
function placeSaid(request: IncomingMessage, providerId: string, rules: ClaimRules): Place {
  const forwardedFor = header(request, 'x-forwarded-for');
  if (!forwardedFor) {
    throw new HttpFailure(400, 'HEADER_MISSING', 'X-Forwarded-For is missing from request.');
  }
  if (rules.secret) {
    const signature = header(request, 'x-metadata-provider-signature') ?? '';
    if (!rules.secrets.signed(providerId, signature)) throw badSignature();
  }
  // A load balancer appends the address it sees: with two, the first is what the guest says it is.
  if (forwardedFor.includes(',')) {
    throw new HttpFailure(400, 'ADDRESS_AMBIGUOUS', 'X-Forwarded-For must be a single address.');
  }
  return { providerId, address: forwardedFor.trim() };
}

function peerOf({ socket }: IncomingMessage): string {
  return (socket.remoteAddress ?? '').replace(MAPPED_IPV4, '');
}

/**
 * Whether more than one proxy passed the request on: one too many for a guest that asks for itself, as
 * when a proxy inside the guest is talked into asking for somebody else. Neutron's own adds one address.
 */
export function isForwarded(request: IncomingMessage, { proxied }: ClaimRules): boolean {
  const forwardedFor = header(request, 'x-forwarded-for');
  return forwardedFor !== undefined && (!proxied || forwardedFor.includes(','));
}

/** As an instance's UUID is written, whatever the case. */
const INSTANCE_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const MAPPED_IPV4 = /^::ffff:(?=\d+\.)/i;

/** Node joins a repeated header with commas. */
function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}

function required(request: IncomingMessage, name: string): string {
  const value = header(request, name.toLowerCase());
  if (value === undefined) throw headerMissing(name);
  return value;
}
