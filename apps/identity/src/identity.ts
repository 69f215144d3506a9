import { identity } from '@hallmark/contracts';
import { RpcServer, mutualTls } from '@hallmark/rpc';
import {
  systemClock,
  type AppContext,
  type AppDefinition,
  type Config,
  type RunningApp,
} from '@hallmark/runtime';
import { InvalidationLink } from './bus/invalidation-link.ts';
import { Invalidations } from './domain/invalidations.ts';
import { IdentityEvents } from './events.ts';
import { KeystoneAccess } from './keystone-access.ts';
import { readSetup, type IdentitySetup } from './keystone/setup.ts';
import { identityHandlers } from './rpc/identity-handlers.ts';

/** Starts the identity service. Keystone need not be up. */
export async function startIdentity(config: Config, context: AppContext): Promise<RunningApp> {
  const { log, registry, bus } = context;
  const setup = readSetup(config);
  const now = (): number => systemClock.now();
  const invalidations = new Invalidations(setup.epoch, now);
  const link = new InvalidationLink(bus, invalidations, (digest) => access.validator.forget(digest));
  const events = new IdentityEvents(log, registry, {
    cacheEntries: () => access.cacheEntries,
    watchers: () => invalidations.watchers,
  });
  const open = (next: IdentitySetup): KeystoneAccess => {
    if (!next.service) events.withoutServiceToken();
    return new KeystoneAccess(next, {
      events,
      now,
      version: () => invalidations.version,
      foundInvalid: (digest, wasKnown) => {
        link.foundInvalid(digest, wasKnown);
      },
    });
  };
  const server = new RpcServer({
    app: 'identity',
    listen: config.identity.listen,
    tls: mutualTls(config.rpc),
    allowedClients: config.identity.allowed_clients,
    log,
    registry,
  });
  let access = open(setup);
  let hasBeenReady = false;
  const close = async (): Promise<void> => {
    await server[Symbol.asyncDispose]();
    link[Symbol.dispose]();
    await access[Symbol.asyncDispose]();
  };
  const handlers = identityHandlers(() => access, invalidations);
  server.add(identity.IdentityServiceService, handlers);
  let rpc: readonly string[];
  try {
    rpc = await server.listen();
  } catch (thrown) {
    await close();
    throw thrown;
  }
  return {
    addresses: { rpc },
    // Until the validator's login has worked nobody can be helped; later the cache may help through an outage.
    ready: () => (hasBeenReady ||= access.hasLoggedIn),
    async reload(next) {
      const nextSetup = readSetup(next);
      const old = access;
      access = open(nextSetup);
      invalidations.begin(nextSetup.epoch);
      await old.retire();
    },
    [Symbol.asyncDispose]: close,
  };
}

export const identityApp: AppDefinition = { name: 'identity', section: 'identity', start: startIdentity };
