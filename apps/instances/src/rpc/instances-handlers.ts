import { invalid, notFound, unavailable } from '@hallmark/errors';
import type { instances } from '@hallmark/contracts';
import { STARTING_UP, type Call, type Handlers } from '@hallmark/rpc';
import type { Clock } from '@hallmark/runtime';
import { isUuid } from '../domain/boot-rules.ts';
import { readNewMetadata, readRebuild } from '../domain/boot.ts';
import { renderMetadata } from '../domain/metadata/render-metadata.ts';
import type { InstancesEvents } from '../events.ts';
import type { PortLookup } from '../neutron/port-lookup.ts';
import type { Boots } from '../store/boots.ts';
import type { ChangeFeed } from '../store/change-feed.ts';
import type { InstanceKey, InstanceRecords } from '../store/instance-records.ts';
import { idempotencyFromWire, instanceFromWire } from './boot-request.ts';
import { BuildWaiter } from './build-waiter.ts';
import type { DriveDownloads } from './drive-downloads.ts';
import { isAcceptablePassword } from './password.ts';
import {
  configDriveToWire,
  durationFromSeconds,
  eventToWire,
  instanceToWire,
  msFromDuration,
  statusFromWire,
} from './wire.ts';

/** What a reload may change. */
export interface Terms {
  /** `[api] dhcp_domain`. */
  readonly dhcpDomain: string;
  /** `[DEFAULT] force_config_drive`. */
  readonly forceConfigDrive: boolean;
  readonly ports: PortLookup;
}

export interface HandlerDependencies {
  readonly boots: Boots;
  readonly records: InstanceRecords;
  readonly downloads: DriveDownloads;
  readonly feed: ChangeFeed;
  readonly events: InstancesEvents;
  readonly clock: Clock;
  /** Whether the tables are there: a new database may have come up only now. */
  readonly isMigrated: () => boolean;
  /** Asked anew for each call: a reload swaps it. */
  readonly terms: () => Terms;
}

const MAX_PAGE = 1_000;
/** Readers follow the watch; this bounds how long a mistake could last. */
const METADATA_TTL_SECONDS = 3_600;
/** As long as Nova keeps what it learnt of an address: no watch tells of a change. */
const ADDRESS_TTL_SECONDS = 15;

/** `hallmark.instances.v1.InstancesService`. */
export class InstancesHandlers implements Handlers<typeof instances.InstancesServiceService> {
  readonly #dependencies: HandlerDependencies;
  readonly #waiter: BuildWaiter;

  constructor(dependencies: HandlerDependencies) {
    this.#dependencies = dependencies;
    this.#waiter = new BuildWaiter(dependencies.records, dependencies.feed, dependencies.events);
  }

  async createInstance(
    request: instances.CreateInstanceRequest,
    call: Call,
  ): Promise<instances.CreateInstanceResponse> {
    const { boots, events, terms } = this.#open;
    const instance = instanceFromWire(request, terms().forceConfigDrive);
    const idempotency = idempotencyFromWire(request);
    const ec2 = await boots.ec2Numbers(instance);
    const { view, isRepeat } = await boots.take({ ...instance, ec2 }, idempotency);
    call.event['instanceId'] = view.record.id;
    events.booted(isRepeat ? 'repeated' : 'taken');
    return { instance: instanceToWire(view) };
  }

  async getInstance(
    request: instances.GetInstanceRequest,
    call: Call,
  ): Promise<instances.GetInstanceResponse> {
    const key = keyFrom(request, call);
    const { wait } = request;
    const view = wait
      ? await this.#waiter.wait(key, msFromDuration(wait), call)
      : await this.#open.records.getView(key);
    return { instance: instanceToWire(view) };
  }

  async listInstances(request: instances.ListInstancesRequest): Promise<instances.ListInstancesResponse> {
    const { projectId, marker, limit, status } = request;
    if (limit < 1 || limit > MAX_PAGE) throw invalid('LIMIT_INVALID', `limit is not 1 to ${MAX_PAGE}.`);
    if (marker !== '' && !isUuid(marker)) throw invalid('MARKER_UNKNOWN', 'marker is no UUID.');
    const page = await this.#open.records.list({
      projectId: projectId === '' ? undefined : projectId,
      marker: marker === '' ? undefined : marker,
      limit,
      status: statusFromWire(status),
    });
    return { instances: page.views.map(instanceToWire), more: page.more };
  }

  async updateMetadata(
    request: instances.UpdateMetadataRequest,
    call: Call,
  ): Promise<instances.UpdateMetadataResponse> {
    const key = keyFrom(request, call);
    const metadata = readNewMetadata(request.metadata);
    return { instance: instanceToWire(await this.#open.records.setMetadata(key, metadata)) };
  }

  async rebuildInstance(
    request: instances.RebuildInstanceRequest,
    call: Call,
  ): Promise<instances.RebuildInstanceResponse> {
    const { boots, records, events } = this.#open;
    const key = keyFrom(request, call);
    const rebuild = readRebuild(request);
    const image = await boots.imageNumber(rebuild.imageId);
    const view = await records.rebuild(key, rebuild, image);
    events.booted('rebuilt');
    return { instance: instanceToWire(view) };
  }

  async deleteInstance(
    request: instances.DeleteInstanceRequest,
    call: Call,
  ): Promise<instances.DeleteInstanceResponse> {
    await this.#open.records.delete(keyFrom(request, call));
    return {};
  }

  async getMetadata(
    request: instances.GetMetadataRequest,
    call: Call,
  ): Promise<instances.GetMetadataResponse> {
    const { id } = keyFrom({ id: request.id, projectId: '' }, call);
    const { records, feed, clock, terms } = this.#open;
    // Before the read and before the terms: what changes later makes this answer look old.
    const { version } = feed;
    const { dhcpDomain } = terms();
    const record = await records.find(id);
    if (record === undefined) throw unknownInstance(id);
    return {
      ...renderMetadata(record, { dhcpDomain, now: clock.now() }),
      reuse: { ttl: durationFromSeconds(METADATA_TTL_SECONDS), version },
    };
  }

  async setPassword(
    request: instances.SetPasswordRequest,
    call: Call,
  ): Promise<instances.SetPasswordResponse> {
    const { id } = keyFrom({ id: request.id, projectId: '' }, call);
    const { records } = this.#open;
    const { password } = request;
    if (password.length > 0 && isAcceptablePassword(password)) await records.setPassword(id, password);
    else {
      // That there is one already is told before anything else, as in Nova.
      await records.requireNoPassword(id);
      if (password.length > 0) {
        throw invalid('PASSWORD_INVALID', 'The password is longer than 1020 bytes, or not UTF-8.');
      }
    }
    return {};
  }

  async findByAddress(
    request: instances.FindByAddressRequest,
    call: Call,
  ): Promise<instances.FindByAddressResponse> {
    const occupant = await this.#dependencies.terms().ports.find(request, call);
    call.event['instanceId'] = occupant.instanceId;
    return { ...occupant, ttl: durationFromSeconds(ADDRESS_TTL_SECONDS) };
  }

  async openConfigDrive(
    request: instances.OpenConfigDriveRequest,
    call: Call,
  ): Promise<instances.OpenConfigDriveResponse> {
    const { ticket, drive } = await this.#open.downloads.open(keyFrom(request, call));
    return { ticket, configDrive: configDriveToWire(drive) };
  }

  async *watchInvalidations(
    _request: instances.WatchInvalidationsRequest,
    call: Call,
  ): AsyncGenerator<instances.WatchInvalidationsResponse, void> {
    for await (const event of this.#dependencies.feed.watch(call.signal)) yield eventToWire(event);
  }

  get #open(): HandlerDependencies {
    if (this.#dependencies.isMigrated()) return this.#dependencies;
    throw unavailable(STARTING_UP, 'The tables of this release are not in PostgreSQL yet.');
  }
}

/** What is no UUID names no instance, and PostgreSQL would refuse to look for it. */
function keyFrom({ id, projectId }: { id: string; projectId: string }, call: Call): InstanceKey {
  if (!isUuid(id)) throw unknownInstance(id);
  call.event['instanceId'] = id;
  return { id, projectId: projectId === '' ? undefined : projectId };
}

const unknownInstance = (id: string): Error =>
  notFound('INSTANCE_UNKNOWN', `There is no instance ${id.slice(0, 64)}.`);
