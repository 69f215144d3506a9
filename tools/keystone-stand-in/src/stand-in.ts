// Not the whole testing lib: that loads containers and certificates, which a try-out never needs.
import { startFakeKeystone, type FakeKeystone, type FakeUser } from '@hallmark/testing/fake-keystone';

export interface StandInOptions {
  /** Default: 127.0.0.1. */
  readonly host?: string;
  /** Default: 0, a free one. */
  readonly port?: number;
}

/** Everybody who reads this file knows the passwords. */
export const STAND_IN_USERS: readonly FakeUser[] = [
  { name: 'nova', password: 'nova-secret', projects: { service: ['service'] } },
  { name: 'hallmark', password: 'hallmark-secret', projects: { service: ['service'] } },
  { name: 'admin', password: 'admin-secret', projects: { admin: ['admin', 'member'] } },
  { name: 'alice', password: 'alice-secret', projects: { demo: ['member', 'reader'] } },
];

/** Something that speaks as much of Keystone v3 as a first try of Hallmark needs. Never use it for a cloud. */
export async function startKeystoneStandIn(options: StandInOptions = {}): Promise<FakeKeystone> {
  return startFakeKeystone({ ...options, users: STAND_IN_USERS });
}
