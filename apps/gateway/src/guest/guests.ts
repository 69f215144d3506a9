import type { instances } from '@hallmark/contracts';
import { HallmarkError } from '@hallmark/errors';
import type { RpcClient } from '@hallmark/rpc';
import type { AskOptions } from '../http/callers.ts';
import { HttpFailure } from '../http/http-failure.ts';
import { durationMs } from '../watch/duration.ts';
import type { HotCache, InvalidationRule, Made } from '../watch/hot-cache.ts';
import type { WatchEvent } from '../watch/invalidation-watch.ts';
import type { Landed } from '../watch/shared-flights.ts';
import type { Claim, Place } from './claims.ts';
import { notFound, unavailable, unknownError } from './guest-failures.ts';
import { Metadata } from './metadata.ts';
import { Turns } from './turns.ts';

export type InstancesClient = Pick<
  RpcClient<instances.InstancesServiceService>,
  'getMetadata' | 'findByAddress' | 'setPassword'
>;

/** The instance that changed. Empty: all of them. */
type ChangedInstance = string;

export type MetadataCache = HotCache<Metadata, ChangedInstance>;
/** Nothing tells of a port that moves: what is known lives for its time, which is short. */
export type AddressCache = HotCache<Claim, never>;

export const changeRule: InvalidationRule<Metadata, ChangedInstance> = {
  groupsOf: ({ instanceId }) => [instanceId],
  groupOf: (changed) => (changed === '' ? undefined : changed),
  concerns: (changed, { instanceId }) => changed === '' || changed === instanceId,
};

export const addressRule: InvalidationRule<Claim, never> = {
  groupsOf: () => [],
  groupOf: () => undefined,
  concerns: () => false,
};

/** Two ids, an address and what holds them. */
const CLAIM_BYTES = 500;
/** Several times the connections to PostgreSQL, so that none of them is idle while others wait. */
const LOOKUPS_AT_A_TIME = 100;

/** Knows guests by their claims: asks the instances service once, and again when it says so. */
export class Guests {
  readonly #instances: InstancesClient;
  readonly #metadata: MetadataCache;
  readonly #addresses: AddressCache;
  readonly #turns = new Turns(LOOKUPS_AT_A_TIME);
  /** Of their own: Neutron is asked, and may be slow while PostgreSQL is not. */
  readonly #addressTurns = new Turns(LOOKUPS_AT_A_TIME);

  constructor(instances: InstancesClient, caches: { metadata: MetadataCache; addresses: AddressCache }) {
    this.#instances = instances;
    this.#metadata = caches.metadata;
    this.#addresses = caches.addresses;
  }

  /** Who is at this place, if that was asked lately. */
  findAt(place: Place, nowMs: number): Claim | undefined {
    return this.#addresses.find(keyOf(place), nowMs);
  }

  /** @throws HttpFailure as Nova's, where nobody is at this place, or more than one. */
  async locate(place: Place, options: AskOptions): Promise<Landed<Claim>> {
    const ask = async (signal: AbortSignal): Promise<Made<Claim>> =>
      this.#locate(place, { ...options, signal });
    return this.#addresses.obtain(keyOf(place), options.signal, ask, this.#addressTurns);
  }

  /** What this guest may read, if that was asked lately. Whether it is its own is for `admit` to say. */
  find({ instanceId }: Claim, nowMs: number): Metadata | undefined {
    return this.#metadata.find(instanceId.toLowerCase(), nowMs);
  }

  /** @throws HttpFailure 404 where there is no such instance, 503 where that cannot be found out now. */
  async obtain({ instanceId }: Claim, options: AskOptions): Promise<Landed<Metadata>> {
    const ask = async (signal: AbortSignal): Promise<Made<Metadata>> =>
      this.#ask(instanceId, { ...options, signal });
    return this.#metadata.obtain(instanceId.toLowerCase(), options.signal, ask, this.#turns);
  }

  /**
   * Stores a guest's password, unless it has one.
   *
   * @throws HttpFailure 409 where it has, 400 where this cannot be one.
   */
  async setPassword(instanceId: string, password: Buffer, options: AskOptions): Promise<void> {
    // Not twice: a password that was stored would refuse itself.
    const once = { ...options, repeatable: false };
    await this.#instances.setPassword({ id: instanceId, password }, once).catch((thrown: unknown) => {
      throw passwordFailure(thrown);
    });
    // Not left to the watch: the guest may ask at once.
    this.#metadata.drop(instanceId);
  }

  async #ask(instanceId: string, options: AskOptions): Promise<Made<Metadata>> {
    const response = await this.#instances
      .getMetadata({ id: instanceId }, options)
      .catch((thrown: unknown) => {
        throw lookupFailure(thrown, 'INSTANCE_UNKNOWN');
      });
    const answer = new Metadata(response);
    return {
      answer,
      ttlMs: durationMs(response.reuse?.ttl),
      version: response.reuse?.version ?? 0,
      bytes: answer.bytes,
    };
  }

  async #locate(place: Place, options: AskOptions): Promise<Made<Claim>> {
    const found = await this.#instances.findByAddress(place, options).catch((thrown: unknown) => {
      throw placeFailure(thrown, place);
    });
    const { instanceId, projectId, ttl } = found;
    return {
      answer: { instanceId, projectId, address: place.address },
      ttlMs: durationMs(ttl),
      version: 0,
      bytes: CLAIM_BYTES,
    };
  }
}

/** What the watch of instances says, in the words of every watch. */
export async function* instanceChanges(
  stream: AsyncIterable<instances.WatchInvalidationsResponse>,
): AsyncGenerator<WatchEvent<ChangedInstance>> {
  for await (const { event, version } of stream) {
    if (event?.$case === 'hello') yield { kind: 'hello', epoch: event.value.epoch, version };
    else if (event?.$case === 'instanceInvalidated') {
      yield { kind: 'invalidated', invalidation: event.value.instanceId, version };
    } else yield { kind: 'heartbeat', version };
  }
}

/** No header holds a line feed, so no provider can imitate another and its address. */
const keyOf = ({ providerId, address }: Place): string => `${address}\n${providerId}`;

function lookupFailure(thrown: unknown, unknown: 'INSTANCE_UNKNOWN' | 'ADDRESS_UNKNOWN'): unknown {
  if (!(thrown instanceof HallmarkError)) return thrown;
  const { code, reason, retryAfterSeconds } = thrown;
  switch (code) {
    case 'not-found':
      return notFound(unknown);
    case 'unavailable':
    case 'timeout':
    case 'over-quota':
      return unavailable(reason, retryAfterSeconds);
    default:
      return unknownError(reason);
  }
}

function placeFailure(thrown: unknown, { providerId, address }: Place): unknown {
  if (!(thrown instanceof HallmarkError) || providerId === '')
    return lookupFailure(thrown, 'ADDRESS_UNKNOWN');
  switch (thrown.reason) {
    case 'NO_SUBNETS':
      return new HttpFailure(400, thrown.reason, `Could not find any subnets for provider ${providerId}`);
    case 'PORTS_AMBIGUOUS': {
      const [count = 'another number'] = /\d+(?=\D*$)/.exec(thrown.message) ?? [];
      const message = `Expected a single port matching provider ${providerId} and IP ${address}. Found ${count}.`;
      return new HttpFailure(400, thrown.reason, message);
    }
    default:
      return lookupFailure(thrown, 'ADDRESS_UNKNOWN');
  }
}

function passwordFailure(thrown: unknown): unknown {
  if (!(thrown instanceof HallmarkError)) return thrown;
  switch (thrown.reason) {
    case 'PASSWORD_SET':
      return new HttpFailure(
        409,
        thrown.reason,
        'There was a conflict when trying to complete your request.',
      );
    case 'PASSWORD_INVALID':
      return new HttpFailure(400, thrown.reason, 'The password must be UTF-8 text.');
    default:
      return lookupFailure(thrown, 'INSTANCE_UNKNOWN');
  }
}
