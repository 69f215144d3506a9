import { identity, vendordata } from '@hallmark/contracts';
import { createRpcClient, mutualTls, RpcServer } from '@hallmark/rpc';
import {
  systemClock,
  type AppContext,
  type AppDefinition,
  type Config,
  type RunningApp,
} from '@hallmark/runtime';
import { createAnswerCache } from './cache/answer-cache.ts';
import { FreshnessRules } from './cache/freshness.ts';
import { resolutionEpoch, type TargetSettings } from './domain/target-settings.ts';
import { VendordataEvents } from './events.ts';
import { Resolver } from './resolver.ts';
import { VendordataHandlers, type HandlerDependencies } from './rpc/vendordata-handlers.ts';
import { readTargets, resolveTimeoutMs } from './target-config.ts';
import { StaticVendordata } from './static/static-vendordata.ts';
import { ServiceTokens } from './targets/service-tokens.ts';
import { TargetSet } from './targets/target-set.ts';

/** Starts the vendordata service. Neither targets nor Redis nor the identity service need to be up. */
export async function startVendordata(config: Config, context: AppContext): Promise<RunningApp> {
  const clock = systemClock;
  const settings = readTargets(config);
  const { log, registry } = context;
  const tls = mutualTls(config.rpc);
  await using open = new AsyncDisposableStack();

  const issuer = open.use(
    createRpcClient(identity.IdentityServiceService, {
      name: 'identity',
      endpoints: config.rpc.identity_endpoints,
      connections: config.rpc.connections,
      tls,
      registry,
    }),
  );
  const tokens = new ServiceTokens(issuer, clock);
  const events = new VendordataEvents(context, clock);

  const targetsOf = (next: Config, read: readonly TargetSettings[], before?: TargetSet): TargetSet =>
    TargetSet.of(read, { tokens, events, clock, resolveTimeoutMs: resolveTimeoutMs(next) }, before);
  let set = targetsOf(config, settings);
  // Closed after the cache, which may still be asking.
  open.defer(() => set.retire(undefined));
  events.observe(context, () => set.targets);

  const epoch = epochOf(config, settings);
  const answers = open.use(
    await createAnswerCache({ config: config.vendordata_cache, epoch, context, clock }),
  );
  const file = open.use(await StaticVendordata.open(config, context, answers));
  const resolverOf = (next: Config): Resolver =>
    new Resolver(
      {
        set,
        composeCloudInit: next.vendordata.compose_cloud_init,
        providers: next.api.vendordata_providers,
        staticJson: () => file.json,
        resolveTimeoutMs: resolveTimeoutMs(next),
      },
      answers,
      events,
    );
  let resolver = resolverOf(config);

  const freshness = new FreshnessRules(clock);
  const ttlSeconds: HandlerDependencies['ttlSeconds'] = (key, reply, policy) => {
    const { bornAtMs, freshUntilMs, keepUntilMs } = freshness.judge(key, reply, policy);
    return keepUntilMs > bornAtMs ? Math.max(0, freshUntilMs - clock.now()) / 1_000 : 0;
  };
  const server = open.use(
    new RpcServer({
      app: 'vendordata',
      listen: config.vendordata.listen,
      allowedClients: config.vendordata.allowed_clients,
      tls,
      log,
      registry,
    }),
  );
  const handlers = new VendordataHandlers({ setup: () => ({ set, resolver }), answers, ttlSeconds });
  server.add(vendordata.VendordataServiceService, handlers);
  const rpc = await server.listen();

  const running = open.move();
  return {
    addresses: { rpc },
    ready: () => true,
    async reload(next) {
      const read = readTargets(next);
      await file.reload(next);
      const before = set;
      set = targetsOf(next, read, before);
      resolver = resolverOf(next);
      answers.setEpoch(epochOf(next, read));
      await before.retire(set);
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

const epochOf = (config: Config, targets: readonly TargetSettings[]): string =>
  resolutionEpoch(targets, config.vendordata.compose_cloud_init, config.api.vendordata_providers);

export const vendordataApp: AppDefinition = {
  name: 'vendordata',
  section: 'vendordata',
  start: startVendordata,
};
