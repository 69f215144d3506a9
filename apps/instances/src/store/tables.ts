import type { ColumnType, Generated, Selectable } from 'kysely';
import type { BlockDevice, Keypair, MetadataItem } from '../domain/instance-record.ts';
import type { InstanceStatus } from '../domain/status.ts';

/** `jsonb`: read as what it holds, written as text. */
type Json<T> = ColumnType<T, string, string>;
type NullableJson<T> = ColumnType<T | null, string | null, string | null>;
/** Never written by an UPDATE; a trigger refuses it too. */
type Fixed<T> = ColumnType<T, T, never>;
type Time = ColumnType<Date, never, Date>;

/** The columns as `migrations.ts` makes them. */
export interface Tables {
  instances: InstancesTable;
  ec2_images: { image_id: string; number: Generated<number> };
  idempotency_keys: IdempotencyKeysTable;
  builds: BuildsTable;
  config_drives: ConfigDrivesTable;
}

export interface InstancesTable {
  id: Fixed<string>;
  project_id: Fixed<string>;
  user_id: Fixed<string>;
  boot_roles: Fixed<readonly string[]>;
  name: string;
  hostname: string;
  image_id: string | null;
  kernel_id: string | null;
  ramdisk_id: string | null;
  flavor: string;
  availability_zone: string | null;
  launch_index: number;
  reservation_id: string;
  user_data: string | null;
  metadata: Json<MetadataItem[]>;
  keypair: NullableJson<Keypair>;
  network_data: Buffer;
  devices: Buffer;
  dedicated_cpus: readonly number[];
  security_groups: readonly string[];
  fixed_ipv4: string | null;
  floating_ipv4: string | null;
  root_device: string | null;
  block_devices: Json<BlockDevice[]>;
  personality_paths: readonly string[];
  personality_contents: readonly Buffer[];
  admin_pass: string | null;
  config_drive: boolean;
  random_seed: Fixed<Buffer>;
  ec2_number: ColumnType<number, never, never>;
  ec2_image: number | null;
  ec2_kernel: number | null;
  ec2_ramdisk: number | null;
  password: Buffer | null;
  status: InstanceStatus;
  fault_reason: string | null;
  fault_message: string | null;
  fault_at: Date | null;
  created_at: ColumnType<Date, never, never>;
  updated_at: Time;
  deleted_at: Date | null;
}

export type InstanceRow = Selectable<InstancesTable>;

interface IdempotencyKeysTable {
  project_id: string;
  key: string;
  fingerprint: Buffer;
  instance_id: string;
  created_at: ColumnType<Date, never, never>;
}

interface BuildsTable {
  instance_id: string;
  attempt: Generated<number>;
  owner: string | null;
  lease_until: ColumnType<Date, never, Date>;
  created_at: ColumnType<Date, never, never>;
}

interface ConfigDrivesTable {
  instance_id: string;
  format: 'iso9660' | 'vfat';
  /** `bigint`, which pg reads as text. */
  size: ColumnType<string, number, number>;
  sha256: string;
  short_lived_targets: readonly string[];
  frozen: Buffer;
  created_at: ColumnType<Date, never, never>;
}
