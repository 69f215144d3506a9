import type { IncomingHttpHeaders } from 'node:http';

const CLAIMS = ['domain', 'project', 'user'].flatMap((of) => [`${of}-id`, `${of}-name`]);
const DOMAIN_CLAIMS = ['project', 'user'].flatMap((of) => [`${of}-domain-id`, `${of}-domain-name`]);

/**
 * The headers with which keystonemiddleware tells an application who is calling: its 31, and
 * `OpenStack-System-Scope`, which it forgets to drop.
 */
const IDENTITY_HEADERS: ReadonlySet<string> = new Set([
  'x-service-catalog',
  'x-identity-status',
  'x-service-identity-status',
  'x-is-admin-project',
  'x-role',
  'x-user',
  'x-tenant-id',
  'x-tenant-name',
  'x-tenant',
  'x-roles',
  'x-service-roles',
  ...['x-', 'x-service-'].flatMap((prefix) => [...CLAIMS, ...DOMAIN_CLAIMS].map((claim) => prefix + claim)),
  'openstack-system-scope',
]);

/**
 * Drops every claim of identity that came from outside, before anything reads the headers: only a
 * validated token says who is calling. `_` counts as `-`, because a WSGI server behind us would fold them.
 */
export function dropIdentityHeaders(headers: IncomingHttpHeaders): void {
  for (const name of Object.keys(headers)) {
    if (isIdentityHeader(name)) Reflect.deleteProperty(headers, name);
  }
}

function isIdentityHeader(name: string): boolean {
  // Of the eight or so headers of a request, few begin so: the others cost one comparison.
  if (!name.startsWith('x') && !name.startsWith('o')) return false;
  return IDENTITY_HEADERS.has(name.includes('_') ? name.replaceAll('_', '-') : name);
}
