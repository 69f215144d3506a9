import { sql, type Insertable, type Selectable } from 'kysely';
import type { ConfigDriveSummary, InstanceRecord } from '../domain/instance-record.ts';
import type { InstanceRow, InstancesTable, Tables } from './tables.ts';

/** An instance that is about to be taken in: what the database adds is missing. */
export type NewInstance = Omit<
  InstanceRecord,
  'ec2' | 'createdAt' | 'updatedAt' | 'deletedAt' | 'password'
> & {
  readonly ec2: Omit<InstanceRecord['ec2'], 'instance'>;
};

// By name: `select *` would break readers of today at the next migration.
const OPEN_COLUMNS = [
  'instances.id',
  'project_id',
  'user_id',
  'boot_roles',
  'name',
  'hostname',
  'image_id',
  'kernel_id',
  'ramdisk_id',
  'flavor',
  'availability_zone',
  'launch_index',
  'reservation_id',
  'metadata',
  'keypair',
  'network_data',
  'devices',
  'dedicated_cpus',
  'security_groups',
  'fixed_ipv4',
  'floating_ipv4',
  'root_device',
  'block_devices',
  'personality_paths',
  'config_drive',
  'random_seed',
  'ec2_number',
  'ec2_image',
  'ec2_kernel',
  'ec2_ramdisk',
  'status',
  'fault_reason',
  'fault_message',
  'fault_at',
  'instances.created_at',
  'updated_at',
  'deleted_at',
] as const;

/** A whole record. */
export const COLUMNS = [
  ...OPEN_COLUMNS,
  'user_data',
  'personality_contents',
  'admin_pass',
  'password',
] as const;

/** A record without the contents that its owner is not shown: they are secrets, and large. */
export const VIEW_COLUMNS = [
  ...OPEN_COLUMNS,
  sql<string | null>`NULL::text`.as('user_data'),
  sql<readonly Buffer[]>`'{}'::bytea[]`.as('personality_contents'),
  sql<string | null>`NULL::text`.as('admin_pass'),
  sql<Buffer | null>`NULL::bytea`.as('password'),
];

export const DRIVE_COLUMNS = ['format', 'size', 'sha256', 'short_lived_targets'] as const;
type DriveRow = Pick<Selectable<Tables['config_drives']>, (typeof DRIVE_COLUMNS)[number]>;

export const rowFromNew = (instance: NewInstance): Insertable<InstancesTable> => ({
  id: instance.id,
  project_id: instance.projectId,
  user_id: instance.userId,
  boot_roles: instance.bootRoles,
  name: instance.name,
  hostname: instance.hostname,
  image_id: instance.imageId ?? null,
  kernel_id: instance.kernelId ?? null,
  ramdisk_id: instance.ramdiskId ?? null,
  flavor: instance.flavor,
  availability_zone: instance.availabilityZone ?? null,
  launch_index: instance.launchIndex,
  reservation_id: instance.reservationId,
  user_data: instance.userData ?? null,
  metadata: JSON.stringify(instance.metadata),
  keypair: instance.keypair ? JSON.stringify(instance.keypair) : null,
  network_data: instance.networkData,
  devices: instance.devices,
  dedicated_cpus: instance.dedicatedCpus,
  security_groups: instance.securityGroups,
  fixed_ipv4: instance.fixedIpv4 ?? null,
  floating_ipv4: instance.floatingIpv4 ?? null,
  root_device: instance.rootDevice ?? null,
  block_devices: JSON.stringify(instance.blockDevices),
  personality_paths: instance.personality.map(({ path }) => path),
  personality_contents: instance.personality.map(({ contents }) => contents),
  admin_pass: instance.adminPass ?? null,
  config_drive: instance.configDriveWanted,
  random_seed: instance.randomSeed,
  ec2_image: instance.ec2.image ?? null,
  ec2_kernel: instance.ec2.kernel ?? null,
  ec2_ramdisk: instance.ec2.ramdisk ?? null,
  password: null,
  status: instance.status,
  fault_reason: instance.fault?.reason ?? null,
  fault_message: instance.fault?.message ?? null,
  fault_at: instance.fault?.createdAt ?? null,
  deleted_at: null,
});

export const recordFromRow = (row: InstanceRow): InstanceRecord => ({
  id: row.id,
  projectId: row.project_id,
  userId: row.user_id,
  bootRoles: row.boot_roles,
  name: row.name,
  hostname: row.hostname,
  imageId: row.image_id ?? undefined,
  kernelId: row.kernel_id ?? undefined,
  ramdiskId: row.ramdisk_id ?? undefined,
  flavor: row.flavor,
  availabilityZone: row.availability_zone ?? undefined,
  launchIndex: row.launch_index,
  reservationId: row.reservation_id,
  userData: row.user_data ?? undefined,
  metadata: row.metadata,
  keypair: row.keypair ?? undefined,
  networkData: row.network_data,
  devices: row.devices,
  dedicatedCpus: row.dedicated_cpus,
  securityGroups: row.security_groups,
  fixedIpv4: row.fixed_ipv4 ?? undefined,
  floatingIpv4: row.floating_ipv4 ?? undefined,
  rootDevice: row.root_device ?? undefined,
  blockDevices: row.block_devices,
  personality: row.personality_paths.map((path, index) => ({
    path,
    contents: row.personality_contents[index] ?? Buffer.alloc(0),
  })),
  adminPass: row.admin_pass ?? undefined,
  configDriveWanted: row.config_drive,
  randomSeed: row.random_seed,
  ec2: {
    instance: row.ec2_number,
    image: row.ec2_image ?? undefined,
    kernel: row.ec2_kernel ?? undefined,
    ramdisk: row.ec2_ramdisk ?? undefined,
  },
  password: row.password?.toString('utf8'),
  status: row.status,
  fault: faultFromRow(row),
  createdAt: row.created_at,
  updatedAt: row.updated_at,
  deletedAt: row.deleted_at ?? undefined,
});

function faultFromRow({ fault_reason, fault_message, fault_at }: InstanceRow): InstanceRecord['fault'] {
  if (fault_reason === null || fault_at === null) return undefined;
  return { reason: fault_reason, message: fault_message ?? '', createdAt: fault_at };
}

/** Of a left join: all of it is null when there is no drive. */
export function driveFromRow(row: { [K in keyof DriveRow]: DriveRow[K] | null }):
  ConfigDriveSummary | undefined {
  const { format, size, sha256, short_lived_targets } = row;
  if (format === null || size === null || sha256 === null || short_lived_targets === null) return undefined;
  return { format, size: Number(size), sha256, shortLivedTargets: short_lived_targets };
}
