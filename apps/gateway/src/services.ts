import { identity, images, instances, vendordata } from '@hallmark/contracts';
import { createRpcClient, mutualTls, type RpcClient } from '@hallmark/rpc';
import { newRequestId, type Config, type Registry } from '@hallmark/runtime';
import type { CacheName, GatewayEvents, ServiceName } from './events.ts';
import { isDatabaseAway } from './guest/guest-failures.ts';
import { addressRule, changeRule, instanceChanges, type MetadataCache } from './guest/guests.ts';
import type { Waiters } from './guest/waiters.ts';
import { tokenInvalidations, validationRule, type ValidationCache } from './http/callers.ts';
import { purgeRule, purges, type AnswerCache } from './nova/answers.ts';
import { HotCache } from './watch/hot-cache.ts';
import { InvalidationWatch, type WatchEvent, type WatchFollower } from './watch/invalidation-watch.ts';

/** Of the memory for what may be used again, the parts of all but the answers, which have the rest. */
const SHARES = { validations: 1 / 8, metadata: 3 / 8, addresses: 1 / 64 };
const SHARES_WITHOUT_GUESTS = { ...SHARES, metadata: 0, addresses: 0 };

type IdentityClient = RpcClient<identity.IdentityServiceService>;
type VendordataClient = RpcClient<vendordata.VendordataServiceService>;
type InstancesClient = RpcClient<instances.InstancesServiceService>;
type ImagesClient = RpcClient<images.ImagesServiceService>;

export interface Services {
  readonly identity: IdentityClient;
  readonly vendordata: VendordataClient;
  /** Undefined: there is no such service. */
  readonly instances: InstancesClient | undefined;
  readonly images: ImagesClient | undefined;
}

export function connectServices(config: Config, registry: Registry, opened: AsyncDisposableStack): Services {
  const { identity_endpoints, vendordata_endpoints, instances_endpoints, images_endpoints, connections } =
    config.rpc;
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
    instances:
      instances_endpoints.length === 0
        ? undefined
        : opened.use(
            createRpcClient(instances.InstancesServiceService, {
              name: 'instances',
              endpoints: instances_endpoints,
              ...common,
            }),
          ),
    images:
      images_endpoints.length === 0
        ? undefined
        : opened.use(
            createRpcClient(images.ImagesServiceService, {
              name: 'images',
              endpoints: images_endpoints,
              ...common,
            }),
          ),
  };
}

/**
 * What the gateway keeps of the answers of services, in the memory that it may take. What is taken back wakes
 * the guests who wait for that.
 */
export function hotCaches(config: Config, events: GatewayEvents, now: () => number, waiters: Waiters) {
  const { cache_max_bytes, lost_watch_ttl } = config.gateway;
  const { validations, metadata, addresses } = answersGuests(config) ? SHARES : SHARES_WITHOUT_GUESTS;
  const onForgotten = (instanceId: string | undefined): void => waiters.wake(instanceId);
  const termsOf = (name: CacheName, share: number) => ({
    maxBytes: Math.floor(cache_max_bytes * share),
    lostTtlMs: lost_watch_ttl * 1_000,
    now,
    onEvicted: () => events.evicted(name),
  });
  const caches = {
    validations: new HotCache({ ...termsOf('validations', validations), rule: validationRule }),
    answers: new HotCache({
      ...termsOf('answers', 1 - validations - metadata - addresses),
      rule: purgeRule,
      onForgotten,
    }),
    metadata: new HotCache({
      ...termsOf('metadata', metadata),
      rule: changeRule,
      isOutage: isDatabaseAway,
      onForgotten,
    }),
    addresses: new HotCache({
      ...termsOf('addresses', addresses),
      // Nobody watches these, so nobody can lose the watch.
      lostTtlMs: Infinity,
      rule: addressRule,
    }),
  };
  events.measure(caches);
  return caches;
}

/** Whether there is a listener for guests. */
export const answersGuests = ({ gateway_guest }: Config): boolean => gateway_guest.listen.length > 0;

export function watchIdentity(client: IdentityClient, follower: ValidationCache, events: GatewayEvents) {
  return watch('identity', follower, events, (signal) =>
    tokenInvalidations(client.watchInvalidations({}, { requestId: newRequestId(), signal })),
  );
}

export function watchVendordata(client: VendordataClient, follower: AnswerCache, events: GatewayEvents) {
  return watch('vendordata', follower, events, (signal) =>
    purges(client.watchInvalidations({}, { requestId: newRequestId(), signal })),
  );
}

export function watchInstances(client: InstancesClient, follower: MetadataCache, events: GatewayEvents) {
  return watch('instances', follower, events, (signal) =>
    instanceChanges(client.watchInvalidations({}, { requestId: newRequestId(), signal })),
  );
}

function watch<I>(
  service: ServiceName,
  follower: WatchFollower<I>,
  events: GatewayEvents,
  open: (signal: AbortSignal) => AsyncIterable<WatchEvent<I>>,
): InvalidationWatch<I> {
  events.watching(service);
  return new InvalidationWatch({
    open,
    follower,
    onUp: () => events.watchUp(service),
    onInvalidated: () => events.invalidated(service),
    onLost: (cause) => events.watchLost(service, cause),
  });
}
