import { randomBytes } from 'node:crypto';
import { startProvider } from '@hallmark/sample-provider';
import { startBroken, startInventory, startSlow } from '@hallmark/sample-targets';
import { Constellation } from '@hallmark/serve';
import { startFakeKeystone } from '@hallmark/testing';
import type { Account } from './keystone.ts';
import { INJECT } from './marks.ts';
import { PROJECT } from './user.ts';

/** Where the README, the docs and nova.conf examples say that Nova's door is. */
const NOVA_PORT = 8780;

/** The project of those who run this cloud. */
export const OPERATORS = 'operators';

/** Everything that a trial needs. */
export interface House {
  readonly constellation: Constellation;
  readonly keystoneUrl: string;
  readonly nova: Account;
  readonly user: Account;
  /** Who is an administrator, and so imports images without injection. */
  readonly operator: Account;
  /** Does something while the service `inventory`, whose word every instance must have, is down. */
  withoutInventory<T>(work: () => Promise<T>): Promise<T>;
}

/** Starts it, each part ended with `parts`. */
export async function startHouse(parts: AsyncDisposableStack, signal: AbortSignal): Promise<House> {
  const nova = accountOf('nova');
  const hallmark = accountOf('hallmark');
  const user = accountOf('alice');
  const operator = accountOf('olga');
  const keystone = parts.use(
    await startFakeKeystone({
      users: [
        ...[nova, hallmark].map(({ username: name, password }) => ({
          name,
          password,
          projects: { service: ['service'] },
        })),
        {
          name: user.username,
          password: user.password,
          projects: { [PROJECT]: ['member', 'reader', 'mail-operator'] },
        },
        {
          name: operator.username,
          password: operator.password,
          projects: { [OPERATORS]: ['admin', 'member', 'reader'] },
        },
      ],
    }),
  );
  let inventory = await startInventory();
  parts.defer(async () => inventory[Symbol.asyncDispose]());
  const targets = {
    inventory,
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
  return {
    constellation,
    keystoneUrl: keystone.url,
    nova,
    user,
    operator,
    async withoutInventory(work) {
      const port = Number(new URL(inventory.url).port);
      await inventory[Symbol.asyncDispose]();
      try {
        return await work();
      } finally {
        inventory = await startInventory({ port });
      }
    },
  };
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
vendordata_providers = StaticJSON, DynamicJSON
vendordata_dynamic_targets = ${targets.join(',\n    ')}

# What Nova cannot say: what a failure means, service by service.
[vendordata_target:inventory]
failure = fatal

[vendordata_target:slow]
failure = stale

[vendordata_target:broken]
failure = omit

# The properties that users' images get, as the specification inject-automatic-metadata writes them.
[inject_metadata_properties]
ignore_user_roles = admin
inject = ${JSON.stringify(INJECT)}
`;
}
