import { randomBytes } from 'node:crypto';
import { startProvider } from '@hallmark/sample-provider';
import { startBroken, startInventory, startSlow } from '@hallmark/sample-targets';
import { Constellation } from '@hallmark/serve';
import { startFakeKeystone } from '@hallmark/testing';
import type { Account } from './nova.ts';

/** Where the README, the docs and nova.conf examples say that Nova's door is. */
const NOVA_PORT = 8780;

/** Everything that a trial needs. */
export interface House {
  readonly constellation: Constellation;
  readonly keystoneUrl: string;
  readonly nova: Account;
}

/** Starts it, each part ended with `parts`. */
export async function startHouse(parts: AsyncDisposableStack, signal: AbortSignal): Promise<House> {
  const nova = accountOf('nova');
  const hallmark = accountOf('hallmark');
  const keystone = parts.use(
    await startFakeKeystone({
      users: [nova, hallmark].map(({ username: name, password }) => ({
        name,
        password,
        projects: { service: ['service'] },
      })),
    }),
  );
  const targets = {
    inventory: parts.use(await startInventory()),
    slow: parts.use(await startSlow()),
    broken: parts.use(await startBroken()),
    access: parts.use(await startProvider({ listen: '127.0.0.1:0' })),
  };
  const constellation = parts.use(
    await Constellation.start({
      name: 'hallmark-try-out',
      keystone: { url: keystone.url, ...hallmark },
      config: configuration(Object.entries(targets).map(([name, { url }]) => `${name}@${url}`)),
      preferredPort: NOVA_PORT,
      signal,
    }),
  );
  return { constellation, keystoneUrl: keystone.url, nova };
}

/** Other users of this machine can reach the stand-in, so its passwords are not in the source. */
function accountOf(username: string): Account {
  return { username, password: randomBytes(16).toString('hex') };
}

function configuration(targets: readonly string[]): string {
  return `# Written by npm start for this one run.
[log]
level = warn

# The vendordata services, in nova.conf's own words.
[api]
vendordata_dynamic_targets = ${targets.join(',\n    ')}

# What Nova cannot say: what a failure means, service by service.
[vendordata_target:inventory]
failure = fatal

[vendordata_target:slow]
failure = stale

[vendordata_target:broken]
failure = omit
`;
}
