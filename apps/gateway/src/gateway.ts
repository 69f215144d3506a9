import { DataClient, mutualTls } from '@hallmark/rpc';
import { ConfigError, type AppContext, type AppDefinition, type Config, type RunningApp } from '@hallmark/runtime';
import { bootRoutes } from './boot/boot-routes.ts';
import { Validator } from './boot/validator.ts';
import { GatewayEvents } from './events.ts';
import { GuestListener } from './guest/guest-listener.ts';
import { guestRulesOf } from './guest/guest-rules.ts';
import { Guests } from './guest/guests.ts';
import { Waiters } from './guest/waiters.ts';
import { Callers } from './http/callers.ts';
import type { Door } from './http/exchange.ts';
import { Listeners } from './http/listeners.ts';
import { answerMalformed } from './http/malformed.ts';
import { problemOf } from './http/problem.ts';
import { Answers } from './nova/answers.ts';
import { novaApp } from './nova/nova-app.ts';
import { vendordataRoutes } from './nova/vendordata-routes.ts';
import { bootRulesOf, certificateOf, challengeOf, novaRulesOf, restartNeeds } from './settings.ts';
import {
  connectServices,
  HotCaches,
  watchIdentity,
  watchInstances,
  watchVendordata,
  type Services,
} from './services.ts';

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

  let current = rulesOf(config);
  const door: Door = {
    events,
    now,
    problem: (thrown) => problemOf(thrown, current.challenge),
    closing: false,
  };
  const callers = new Callers(services.identity, validations);
  const maxBodyBytes = config.gateway_nova.max_body_bytes;
  const app = novaApp({
    door,
    routes: [
      ...vendordataRoutes({
        callers,
        answers: new Answers(services.vendordata, answers),
        rules: () => current.nova,
        maxBodyBytes,
      }),
      ...(services.instances
        ? bootRoutes({
            callers,
            instances: services.instances,
            drives: opened.use(connectDrives(config)),
            validator: new Validator(),
            rules: () => current.boot,
            maxBodyBytes,
          })
        : []),
    ],
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
      current = rulesOf(changed);
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

/** What a new configuration may change while the gateway is up. */
const rulesOf = (config: Config) => ({
  config,
  nova: novaRulesOf(config),
  boot: bootRulesOf(config),
  challenge: challengeOf(config),
});

function connectDrives({ rpc }: Config): DataClient {
  return new DataClient({ name: 'instances', endpoints: rpc.instances_data_endpoints, tls: mutualTls(rpc) });
}
