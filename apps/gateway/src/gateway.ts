import { identity, vendordata } from '@hallmark/contracts';
import { createRpcClient, mutualTls, type RpcClient } from '@hallmark/rpc';
import {
  newRequestId,
  type AppContext,
  type AppDefinition,
  type Config,
  type Registry,
  type RunningApp,
} from '@hallmark/runtime';
import { GatewayEvents } from './events.ts';
import { Callers, tokenInvalidations, validationRule, type ValidationCache } from './http/callers.ts';
import type { Door } from './http/exchange.ts';
import { Listeners } from './http/listeners.ts';
import { answerMalformed } from './http/malformed.ts';
import { problemOf } from './http/problem.ts';
import { Answers, purgeRule, purges, type AnswerCache } from './nova/answers.ts';
import { novaApp } from './nova/nova-app.ts';
import { vendordataRoutes } from './nova/vendordata-routes.ts';
import { certificateOf, challengeOf, novaRulesOf, restartNeeds } from './settings.ts';
import { HotCache } from './watch/hot-cache.ts';
import { InvalidationWatch } from './watch/invalidation-watch.ts';

/** Of the memory for what may be used again, the part of validations; the rest is for answers. */
const VALIDATIONS_SHARE = 1 / 8;

/** Never set back. */
const monotonicMs = (): number => performance.now();

/** Starts the gateway: the listener `nova`, and the watches of the services behind it. */
export async function startGateway(
  config: Config,
  { log, registry }: AppContext,
  now = monotonicMs,
): Promise<RunningApp> {
  const certificate = certificateOf(config);
  const events = new GatewayEvents(log, registry);
  await using opened = new AsyncDisposableStack();
  const services = connectServices(config, registry, opened);
  const { validations, answers } = hotCaches(config, events, now);
  const watches = [
    opened.use(watchIdentity(services.identity, validations, events)),
    opened.use(watchVendordata(services.vendordata, answers, events)),
  ];

  let current = { config, rules: novaRulesOf(config), challenge: challengeOf(config) };
  const door: Door = {
    events,
    now,
    problem: (thrown) => problemOf(thrown, current.challenge),
    closing: false,
  };
  const app = novaApp({
    door,
    routes: vendordataRoutes({
      callers: new Callers(services.identity, validations),
      answers: new Answers(services.vendordata, answers),
      rules: () => current.rules,
      maxBodyBytes: config.gateway_nova.max_body_bytes,
    }),
  });
  opened.defer(async () => app.close());
  await app.ready();
  const nova = opened.use(
    await Listeners.open({
      listen: config.gateway_nova.listen,
      certificate,
      handler: (request, response) => {
        app.routing(request, response);
      },
      onMalformed: (error, socket) => {
        answerMalformed(error, socket, events);
      },
    }),
  );

  const running = opened.move();
  return {
    addresses: { nova: nova.addresses },
    ready: () => watches.every(({ greeted }) => greeted),
    reload(changed) {
      const renewed = certificateOf(changed);
      if (renewed) nova.renew(renewed);
      for (const text of restartNeeds(current.config, changed)) log.warn(text);
      current = { config: changed, rules: novaRulesOf(changed), challenge: challengeOf(changed) };
      return Promise.resolve();
    },
    async [Symbol.asyncDispose]() {
      door.closing = true;
      await running.disposeAsync();
    },
  };
}

export const gatewayApp: AppDefinition = {
  name: 'gateway',
  section: 'gateway',
  start: async (config, context) => startGateway(config, context),
};

type IdentityClient = RpcClient<identity.IdentityServiceService>;
type VendordataClient = RpcClient<vendordata.VendordataServiceService>;

function connectServices(config: Config, registry: Registry, opened: AsyncDisposableStack) {
  const { identity_endpoints, vendordata_endpoints, connections } = config.rpc;
  const common = { tls: mutualTls(config.rpc), connections, registry };
  return {
    identity: opened.use(
      createRpcClient(identity.IdentityServiceService, {
        name: 'identity',
        endpoints: identity_endpoints,
        ...common,
      }),
    ),
    vendordata: opened.use(
      createRpcClient(vendordata.VendordataServiceService, {
        name: 'vendordata',
        endpoints: vendordata_endpoints,
        ...common,
      }),
    ),
  };
}

function hotCaches(config: Config, events: GatewayEvents, now: () => number) {
  const { cache_max_bytes: maxBytes, lost_watch_ttl: lostTtl } = config.gateway;
  const forValidations = Math.floor(maxBytes * VALIDATIONS_SHARE);
  const terms = { lostTtlMs: lostTtl * 1_000, now };
  const validations = new HotCache({
    ...terms,
    maxBytes: forValidations,
    rule: validationRule,
    onEvicted: () => events.evicted('validations'),
  });
  const answers = new HotCache({
    ...terms,
    maxBytes: maxBytes - forValidations,
    rule: purgeRule,
    onEvicted: () => events.evicted('answers'),
  });
  events.measure({ validations, answers });
  return { validations, answers };
}

function watchIdentity(client: IdentityClient, follower: ValidationCache, events: GatewayEvents) {
  return new InvalidationWatch({
    open: (signal) =>
      tokenInvalidations(client.watchInvalidations({}, { requestId: newRequestId(), signal })),
    follower,
    onUp: () => events.watchUp('identity'),
    onInvalidated: () => events.invalidated('identity'),
    onLost: (cause) => events.watchLost('identity', cause),
  });
}

function watchVendordata(client: VendordataClient, follower: AnswerCache, events: GatewayEvents) {
  return new InvalidationWatch({
    open: (signal) => purges(client.watchInvalidations({}, { requestId: newRequestId(), signal })),
    follower,
    onUp: () => events.watchUp('vendordata'),
    onInvalidated: () => events.invalidated('vendordata'),
    onLost: (cause) => events.watchLost('vendordata', cause),
  });
}
