import { createHash } from 'node:crypto';
import { instances } from '@hallmark/contracts';
import type { ConfigDriveSummary, InstanceView } from '../domain/instance-record.ts';
import type { InstanceStatus } from '../domain/status.ts';
import type { FeedEvent } from '../store/watcher.ts';

const { InstanceStatus: Status } = instances;

const STATUS = {
  BUILD: Status.BUILD,
  ACTIVE: Status.ACTIVE,
  ERROR: Status.ERROR,
  DELETED: Status.DELETED,
} satisfies Record<InstanceStatus, instances.InstanceStatus>;

/** Undefined: any. One that is not known yet is none that an instance has. */
export const statusFromWire = (status: instances.InstanceStatus): InstanceStatus | undefined =>
  (Object.keys(STATUS) as InstanceStatus[]).find((known) => STATUS[known] === status);

type Duration = NonNullable<instances.Reuse['ttl']>;

export const durationFromSeconds = (seconds: number): Duration => ({ seconds, nanos: 0 });

export const msFromDuration = ({ seconds, nanos }: Duration): number => seconds * 1_000 + nanos / 1_000_000;

/** Without the contents of user data, personality and password. */
export function instanceToWire({ record, configDrive }: InstanceView): instances.Instance {
  return {
    id: record.id,
    projectId: record.projectId,
    userId: record.userId,
    boot: bootToWire(record),
    hostname: record.hostname,
    status: STATUS[record.status],
    fault: record.fault && { ...record.fault },
    bootRoles: [...record.bootRoles],
    configDrive: configDrive && configDriveToWire(configDrive),
    createdAt: record.createdAt,
    updatedAt: record.updatedAt,
  };
}

function bootToWire(record: InstanceView['record']): instances.Boot {
  return {
    id: record.id,
    name: record.name,
    hostname: record.hostname,
    imageId: record.imageId ?? '',
    kernelId: record.kernelId ?? '',
    ramdiskId: record.ramdiskId ?? '',
    flavor: record.flavor,
    availabilityZone: record.availabilityZone,
    launchIndex: record.launchIndex,
    reservationId: record.reservationId,
    userData: undefined,
    metadata: record.metadata.map((item) => ({ ...item })),
    keypair: record.keypair && { ...record.keypair },
    networkData: record.networkData,
    devices: record.devices,
    dedicatedCpus: [...record.dedicatedCpus],
    securityGroups: [...record.securityGroups],
    fixedIpv4: record.fixedIpv4 ?? '',
    floatingIpv4: record.floatingIpv4 ?? '',
    rootDevice: record.rootDevice ?? '',
    blockDevices: record.blockDevices.map((device) => ({ ...device })),
    personality: record.personality.map(({ path }) => ({ path, contents: Buffer.alloc(0) })),
    adminPass: '',
    configDrive: record.configDriveWanted,
  };
}

export const configDriveToWire = ({ format, size, sha256, shortLivedTargets }: ConfigDriveSummary) => ({
  format,
  size,
  sha256,
  shortLivedTargets: [...shortLivedTargets],
});

export function eventToWire(event: FeedEvent): instances.WatchInvalidationsResponse {
  const { version } = event;
  switch (event.kind) {
    case 'hello':
      return { version, event: { $case: 'hello', value: { epoch: event.epoch } } };
    case 'heartbeat':
      return { version, event: { $case: 'heartbeat', value: {} } };
    case 'changed':
      return { version, event: { $case: 'instanceInvalidated', value: { instanceId: event.id } } };
  }
}

/**
 * What two requests have in common when one repeats the other. Roles are left out: Keystone lists them in no
 * fixed order, and a repeat with a newer token is a repeat all the same. Fields that are not told leave no
 * trace, so that releases with and without them agree.
 */
export const fingerprintOf = ({ boot, userId }: instances.CreateInstanceRequest): Buffer =>
  createHash('sha256')
    .update(userId)
    .update('\0')
    .update(boot ? instances.Boot.encode(boot).finish() : '')
    .digest();
