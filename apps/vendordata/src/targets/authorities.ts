import { getCACertificates } from 'node:tls';

let trusted: string[] | undefined;

/**
 * The certificate authorities for a target without a `cafile`: those of the machine, as Nova's
 * Python sees them on a distribution, and those that came with Node. Read once, since it takes a
 * tenth of a second; a process that learns of new ones is a process that was restarted.
 */
export function trustedAuthorities(): string[] {
  trusted ??= [...new Set([...getCACertificates('system'), ...getCACertificates('default')])];
  return trusted;
}
