import { describe, expect, test } from '@jest/globals';
import { dropIdentityHeaders } from './identity-headers.ts';

/** What keystonemiddleware tells applications, in its own spelling. */
const CLAIMS = [
  'X-Service-Catalog',
  'X-Identity-Status',
  'X-Service-Identity-Status',
  'X-Is-Admin-Project',
  'X-Role',
  'X-User',
  'X-Tenant-Id',
  'X-Tenant-Name',
  'X-Tenant',
  'X-Roles',
  'X-Service-Roles',
  'X-Domain-Id',
  'X-Domain-Name',
  'X-Project-Id',
  'X-Project-Name',
  'X-Project-Domain-Id',
  'X-Project-Domain-Name',
  'X-User-Id',
  'X-User-Name',
  'X-User-Domain-Id',
  'X-User-Domain-Name',
  'X-Service-Domain-Id',
  'X-Service-Domain-Name',
  'X-Service-Project-Id',
  'X-Service-Project-Name',
  'X-Service-Project-Domain-Id',
  'X-Service-Project-Domain-Name',
  'X-Service-User-Id',
  'X-Service-User-Name',
  'X-Service-User-Domain-Id',
  'X-Service-User-Domain-Name',
  'OpenStack-System-Scope',
];

const remaining = (name: string): string[] => {
  // Node gives header names in lower case.
  const headers = { [name.toLowerCase()]: 'forged', 'x-auth-token': 'mine' };
  dropIdentityHeaders(headers);
  return Object.keys(headers);
};

describe('claims of identity from outside', () => {
  test.each(CLAIMS)('%s is dropped', (name) => {
    expect(remaining(name)).toEqual(['x-auth-token']);
  });

  test.each(CLAIMS)('%s is dropped in a spelling with underscores', (name) => {
    expect(remaining(name.replaceAll('-', '_'))).toEqual(['x-auth-token']);
    expect(remaining(name.replace('-', '_'))).toEqual(['x-auth-token']);
  });
});

test.each(['X-Service-Token', 'X-Openstack-Request-Id', 'Content-Type', 'Origin', 'X-Forwarded-For'])(
  '%s stays',
  (name) => {
    expect(remaining(name)).toContain(name.toLowerCase());
  },
);
