import { identity, instances, vendordata } from '@hallmark/contracts';
import { createRpcClient, mutualTls, type RpcClient } from '@hallmark/rpc';
import { newRequestId, type Config, type Registry } from '@hallmark/runtime';
import type { CacheName, GatewayEvents, ServiceName } from './events.ts';
import { addressRule, changeRule, instanceChanges, type MetadataCache } from './guest/guests.ts';
import type { Waiters } from './guest/waiters.ts';
import { tokenInvalidations, validationRule, type ValidationCache } from './http/callers.ts';
import { purgeRule, purges, type AnswerCache } from './nova/answers.ts';
import { HotCache, type InvalidationRule } from './watch/hot-cache.ts';
import { InvalidationWatch, type WatchEvent, type WatchFollower } from './watch/invalidation-watch.ts';

/** Of the memory for what may be used again, the parts of all but the answers, which have the rest. */
const SHARES = { validations: 1 / 8, metadata: 3 / 8, addresses: 1 / 64 };

type IdentityClient = RpcClient<identity.IdentityServiceService>;
type VendordataClient = RpcClient<vendordata.VendordataServiceService>;
type InstancesClient = RpcClient<instances.InstancesServiceService>;

export interface Services {
  readonly identity: IdentityClient;
  readonly vendordata: VendordataClient;
  /** Undefined: there is no such service. */
  readonly instances: InstancesClient | undefined;
}

export function connectServices(config: Config, registry: Registry, opened: AsyncDisposableStack): Services {
  const { identity_endpoints, vendordata_endpoints, instances_endpoints, connections } = config.rpc;
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
  };
}

/** What the gateway keeps of the answers of services, in the memory that it may take. */
export class HotCaches {
  readonly #terms: { readonly lostTtlMs: number; readonly now: () => number };
  readonly #maxBytes: number;
  readonly #events: GatewayEvents;

  constructor(config: Config, events: GatewayEvents, now: () => number) {
    const { cache_max_bytes: maxBytes, lost_watch_ttl: lostTtl } = config.gateway;
    this.#terms = { lostTtlMs: lostTtl * 1_000, now };
    this.#maxBytes = maxBytes;
    this.#events = events;
  }

  /** Those of the listener `nova`. */
  forNova() {
    const caches = {
      validations: this.#cache('validations', SHARES.validations, validationRule),
      answers: this.#cache('answers', 1 - SHARES.validations, purgeRule),
    };
    this.#events.measure(caches);
    return caches;
  }

  /** Those of both listeners. Whatever is taken back wakes the guests who wait for that. */
  forNovaAndGuests(waiters: Waiters) {
    const { validations, metadata, addresses } = SHARES;
    const onForgotten = (instanceId: string | undefined): void => waiters.wake(instanceId);
    const caches = {
      validations: this.#cache('validations', validations, validationRule),
      answers: this.#cache('answers', 1 - validations - metadata - addresses, purgeRule, { onForgotten }),
      metadata: this.#cache('metadata', metadata, changeRule, { onForgotten }),
      // Nobody watches these, so nobody can lose the watch.
      addresses: this.#cache('addresses', addresses, addressRule, { lostTtlMs: Infinity }),
    };
    this.#events.measure(caches);
    return caches;
  }

  #cache<V, I>(
    name: CacheName,
    share: number,
    rule: InvalidationRule<V, I>,
    rest: { lostTtlMs?: number; onForgotten?: (group: string | undefined) => void } = {},
  ): HotCache<V, I> {
    return new HotCache({
      ...this.#terms,
      maxBytes: Math.floor(this.#maxBytes * share),
      rule,
      onEvicted: () => this.#events.evicted(name),
      ...rest,
    });
  }
}

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
