import { DataClient, mutualTls } from '@hallmark/rpc';
import type { AppContext, AppDefinition, Config, RunningApp } from '@hallmark/runtime';
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
import { ImageListener } from './image/image-listener.ts';
import { Answers } from './nova/answers.ts';
import { novaApp } from './nova/nova-app.ts';
import { vendordataRoutes } from './nova/vendordata-routes.ts';
import {
  bootRulesOf,
  certificateOf,
  challengeOf,
  imageRulesOf,
  novaRulesOf,
  restartNeeds,
} from './settings.ts';
import {
  answersGuests,
  connectServices,
  hotCaches,
  watchIdentity,
  watchInstances,
  watchVendordata,
} from './services.ts';

/** Never set back. */
const monotonicMs = (): number => performance.now();

/** Starts the gateway: its listeners, and the watches of the services behind them. */
export async function startGateway(
  config: Config,
  { log, registry }: AppContext,
  now = monotonicMs,
): Promise<RunningApp> {
  let current = rulesOf(config);
  const certificates = certificatesOf(config);
  const events = new GatewayEvents(log, registry);
  await using opened = new AsyncDisposableStack();
  const services = connectServices(config, registry, opened);
  const waiters = new Waiters(now);
  const caches = hotCaches(config, events, now, waiters);
  const watches = [
    opened.use(watchIdentity(services.identity, caches.validations, events)),
    opened.use(watchVendordata(services.vendordata, caches.answers, events)),
  ];

  const door: Door = {
    events,
    now,
    problem: (thrown) => problemOf(thrown, current.challenge),
    closing: false,
  };
  const callers = new Callers(services.identity, caches.validations);
  const answers = new Answers(services.vendordata, caches.answers);
  const maxBodyBytes = config.gateway_nova.max_body_bytes;
  const app = novaApp({
    door,
    routes: [
      ...vendordataRoutes({ callers, answers, rules: () => current.nova, maxBodyBytes }),
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
      certificate: certificates.nova,
      handler: (request, response) => {
        app.routing(request, response);
      },
      onMalformed: (error, socket) => {
        answerMalformed(error, socket, events);
      },
    }),
  );

  let guest: GuestListener | undefined;
  if (current.guest && services.instances) {
    const { guest: rules } = current;
    watches.push(opened.use(watchInstances(services.instances, caches.metadata, events)));
    events.measureWaiters(waiters);
    guest = opened.use(
      await GuestListener.open({
        listen: config.gateway_guest.listen,
        certificate: certificates.guest,
        events,
        now,
        guests: new Guests(services.instances, caches),
        answers,
        waiters,
        rules: () => current.guest ?? rules,
        vendordataTimeoutMs: () => current.nova.timeoutMs,
      }),
    );
  }

  let image: ImageListener | undefined;
  if (current.image && services.images) {
    const { image: rules } = current;
    image = opened.use(
      await ImageListener.open({
        listen: config.gateway_image.listen,
        certificate: certificates.image,
        events,
        now,
        callers,
        images: services.images,
        data: opened.use(connectImageData(config)),
        rules: () => current.image ?? rules,
        challenge: () => current.challenge,
      }),
    );
  }

  const running = opened.move();
  return {
    addresses: {
      nova: nova.addresses,
      ...(guest && { guest: guest.addresses }),
      ...(image && { image: image.addresses }),
    },
    ready: () => watches.every(({ greeted }) => greeted),
    reload(changed) {
      // All that may be at fault comes before anything is changed.
      const rules = rulesOf(changed);
      const renewed = certificatesOf(changed);
      if (renewed.nova) nova.renew(renewed.nova);
      if (renewed.guest) guest?.renew(renewed.guest);
      if (renewed.image) image?.renew(renewed.image);
      for (const text of restartNeeds(current.config, changed)) log.warn(text);
      current = rules;
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
  guest: answersGuests(config) ? guestRulesOf(config) : undefined,
  image: imageRulesOf(config),
  challenge: challengeOf(config),
});

const certificatesOf = (config: Config) => ({
  nova: certificateOf(config, 'gateway_nova'),
  guest: certificateOf(config, 'gateway_guest'),
  image: certificateOf(config, 'gateway_image'),
});

function connectDrives({ rpc }: Config): DataClient {
  return new DataClient({ name: 'instances', endpoints: rpc.instances_data_endpoints, tls: mutualTls(rpc) });
}

/** What a store may take to finish what it got whole, which for a large image is more than a moment. */
const IMAGE_DATA_IDLE_MS = 300_000;

function connectImageData({ rpc }: Config): DataClient {
  return new DataClient({
    name: 'images',
    endpoints: rpc.images_data_endpoints,
    tls: mutualTls(rpc),
    idleTimeoutMs: IMAGE_DATA_IDLE_MS,
  });
}
