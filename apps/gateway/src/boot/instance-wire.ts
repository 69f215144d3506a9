import { instances } from '@hallmark/contracts';
import { membersOf, objectText, stringsOf } from './json-text.ts';
import type { BootBody, KeypairBody, RebuildBody } from './request-bodies.ts';

/** A checked body beside its text. */
export interface Checked<Body> {
  readonly body: Body;
  readonly json: string;
}

/** What the service is told of a boot. */
export function bootToWire({ body, json }: Checked<BootBody>): instances.Boot {
  const texts = membersOf(json);
  return {
    id: body.id ?? '',
    name: body.name,
    hostname: body.hostname ?? '',
    imageId: body.image_id ?? '',
    kernelId: body.kernel_id ?? '',
    ramdiskId: body.ramdisk_id ?? '',
    flavor: body.flavor ?? '',
    availabilityZone: body.availability_zone,
    launchIndex: body.launch_index ?? 0,
    reservationId: body.reservation_id ?? '',
    userData: body.user_data,
    metadata: metadataToWire(texts) ?? [],
    keypair: keypairToWire(body.keypair),
    networkData: Buffer.from(texts.get('network_data') ?? ''),
    devices: Buffer.from(texts.get('devices') ?? ''),
    dedicatedCpus: (body.dedicated_cpus ?? []).toSorted((a, b) => a - b),
    securityGroups: [...(body.security_groups ?? [])],
    fixedIpv4: body.fixed_ipv4 ?? '',
    floatingIpv4: body.floating_ipv4 ?? '',
    rootDevice: body.root_device ?? '',
    blockDevices: [...(body.block_devices ?? [])],
    personality: (body.personality ?? []).map(({ path, contents }) => ({
      path,
      contents: Buffer.from(contents, 'base64'),
    })),
    adminPass: body.admin_pass ?? '',
    configDrive: body.config_drive ?? false,
  };
}

export type Rebuild = Omit<instances.RebuildInstanceRequest, 'id' | 'projectId'>;

/** What the service is told of a rebuild. */
export function rebuildToWire({ body, json }: Checked<RebuildBody>): Rebuild {
  const items = metadataToWire(membersOf(json));
  return {
    imageId: body.image_id,
    userData: body.user_data === null ? '' : body.user_data,
    metadata: items && { items },
    keypair: keypairToWire(body.keypair),
  };
}

/** The pairs of `metadata` in the user's order; undefined when there is none. */
export function metadataToWire(texts: ReadonlyMap<string, string>): instances.MetadataItem[] | undefined {
  const text = texts.get('metadata');
  return text === undefined ? undefined : stringsOf(text).map(([key, value]) => ({ key, value }));
}

const keypairToWire = (keypair: KeypairBody | undefined): instances.Keypair | undefined =>
  keypair && { name: keypair.name, type: keypair.type ?? 'ssh', publicKey: keypair.public_key };

const { InstanceStatus } = instances;

/** Statuses by the names that callers know them by. */
const STATUSES = {
  BUILD: InstanceStatus.BUILD,
  ACTIVE: InstanceStatus.ACTIVE,
  ERROR: InstanceStatus.ERROR,
} as const;

const STATUS_NAMES = new Map<instances.InstanceStatus, string>([
  ...Object.entries(STATUSES).map(([name, status]) => [status, name] as const),
  [InstanceStatus.DELETED, 'DELETED'],
]);

/** Undefined asks for any. */
export const statusToWire = (name: keyof typeof STATUSES | undefined): instances.InstanceStatus =>
  name === undefined ? InstanceStatus.UNSPECIFIED : STATUSES[name];

export const isBuilding = ({ status }: instances.Instance): boolean => status === InstanceStatus.BUILD;

/** An instance as JSON, with everything that its owner may see of it. */
export function instanceJson(instance: instances.Instance): string {
  const { networkData, devices } = bootOf(instance);
  return objectText([
    ...summaryOf(instance),
    ['network_data', networkData.length === 0 ? '{}' : networkData.toString()],
    ['devices', devices.length === 0 ? '[]' : devices.toString()],
  ]);
}

/** An instance as JSON for a list, without what may be long. */
export const instanceSummaryJson = (instance: instances.Instance): string => objectText(summaryOf(instance));

function summaryOf(instance: instances.Instance): [name: string, text: string][] {
  const boot = bootOf(instance);
  const metadata = boot.metadata.map(({ key, value }) => [key, JSON.stringify(value)] as const);
  return [
    ...texts({
      id: instance.id,
      name: boot.name,
      hostname: instance.hostname,
      status: STATUS_NAMES.get(instance.status) ?? 'BUILD',
      fault: faultOf(instance.fault),
      project_id: instance.projectId,
      user_id: instance.userId,
      boot_roles: instance.bootRoles,
      image_id: boot.imageId || null,
      kernel_id: boot.kernelId || null,
      ramdisk_id: boot.ramdiskId || null,
      flavor: boot.flavor || null,
      availability_zone: boot.availabilityZone ?? null,
      launch_index: boot.launchIndex,
      reservation_id: boot.reservationId || null,
    }),
    ['metadata', objectText(metadata)],
    ...texts({
      keypair: boot.keypair
        ? { name: boot.keypair.name, type: boot.keypair.type || 'ssh', public_key: boot.keypair.publicKey }
        : null,
      dedicated_cpus: boot.dedicatedCpus,
      security_groups: boot.securityGroups,
      fixed_ipv4: boot.fixedIpv4 || null,
      floating_ipv4: boot.floatingIpv4 || null,
      root_device: boot.rootDevice || null,
      block_devices: boot.blockDevices.map(({ name, device }) => ({ name, device })),
      config_drive: boot.configDrive,
      drive: driveOf(instance.configDrive),
      created_at: instance.createdAt ?? null,
      updated_at: instance.updatedAt ?? null,
    }),
  ];
}

const texts = (members: Record<string, unknown>): [name: string, text: string][] =>
  Object.entries(members).map(([name, value]) => [name, JSON.stringify(value)]);

function bootOf({ boot }: instances.Instance): instances.Boot {
  if (!boot) throw new Error('The instances service gave an instance without its boot.');
  return boot;
}

const faultOf = (fault: instances.Fault | undefined) =>
  fault ? { reason: fault.reason, message: fault.message, created_at: fault.createdAt ?? null } : null;

const driveOf = (drive: instances.ConfigDrive | undefined) =>
  drive
    ? {
        format: drive.format,
        size: drive.size,
        sha256: drive.sha256,
        short_lived_targets: drive.shortLivedTargets,
      }
    : null;
