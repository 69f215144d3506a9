import {
  checkLine,
  checkOwner,
  checkText,
  emptyToUndefined,
  readKeypair,
  readMetadata,
  readUserData,
  readUuid,
} from './boot-rules.ts';
import { Faults } from './faults.ts';
import { hostnameFrom, isHostname } from './hostname.ts';
import type { BootDescription, Keypair, MetadataItem } from './instance-record.ts';
import { jsonFault } from './json-bytes.ts';
import type { ToldBoot, ToldItem, ToldKeypair, ToldOwner } from './told.ts';

const RESERVATION_ID = /^r-[\da-z]{8}$/;
const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);
const DEVICE = /^\/dev\/[\w/.-]+$/;
/** Names beside `ami` and `root`, which are made of the root device. */
const BLOCK_DEVICE_NAME = /^(?:swap|(?:ephemeral|ebs)\d{1,4})$/;
/** Nova's default quotas. */
const MAX_PERSONALITY_FILES = 5;
const MAX_PERSONALITY_PATH_BYTES = 255;
const MAX_PERSONALITY_BYTES = 10_240;

/** What is made where nothing was told. */
export interface BootDefaults {
  /** UUID. */
  readonly id: string;
  /** `r-` and eight characters. */
  readonly reservationId: string;
  /** `[DEFAULT] force_config_drive`. */
  readonly forceConfigDrive: boolean;
}

/**
 * Checks a boot and fills in what was left out.
 *
 * @throws HallmarkError `INSTANCE_INVALID` that names every field at fault, as the contract calls it.
 */
export function readBoot(told: ToldBoot, owner: ToldOwner, defaults: BootDefaults): BootDescription {
  const faults = new Faults();
  checkOwner(faults, owner);
  const id = readUuid(faults, 'id', told.id) ?? defaults.id;
  checkLine(faults, 'name', told.name, 1);
  faults.require(
    told.hostname === '' || isHostname(told.hostname),
    'hostname',
    'is no host name: labels of 1 to 63 letters, digits, - and _, with dots between',
  );
  faults.require(told.launchIndex >= 0, 'launch_index', 'is negative');
  faults.require(
    told.reservationId === '' || RESERVATION_ID.test(told.reservationId),
    'reservation_id',
    'is not r- and eight letters and digits in lower case',
  );
  checkLine(faults, 'flavor', told.flavor);
  if (told.availabilityZone !== undefined) checkLine(faults, 'availability_zone', told.availabilityZone);
  for (const [index, name] of told.securityGroups.entries()) {
    checkLine(faults, `security_groups[${index}]`, name, 1);
  }
  faults.require(
    told.dedicatedCpus.every((cpu, index, cpus) => cpu > (cpus[index - 1] ?? -1)),
    'dedicated_cpus',
    'are not sorted ids, each once',
  );
  checkText(faults, 'admin_pass', told.adminPass);
  checkPersonality(faults, told.personality);
  checkBlockDevices(faults, told);
  for (const [field, address] of [
    ['fixed_ipv4', told.fixedIpv4],
    ['floating_ipv4', told.floatingIpv4],
  ] as const) {
    faults.require(address === '' || IPV4.test(address), field, 'is no IPv4 address');
  }
  const description: BootDescription = {
    id,
    name: told.name,
    hostname: told.hostname === '' ? hostnameFrom(told.name, id) : told.hostname,
    imageId: readUuid(faults, 'image_id', told.imageId),
    kernelId: readUuid(faults, 'kernel_id', told.kernelId),
    ramdiskId: readUuid(faults, 'ramdisk_id', told.ramdiskId),
    flavor: told.flavor,
    availabilityZone: told.availabilityZone,
    launchIndex: told.launchIndex,
    reservationId: told.reservationId === '' ? defaults.reservationId : told.reservationId,
    userData: readUserData(faults, told.userData),
    metadata: readMetadata(faults, told.metadata),
    keypair: readKeypair(faults, told.keypair),
    networkData: readJson(faults, 'network_data', told.networkData, 'object'),
    devices: readJson(faults, 'devices', told.devices, 'array'),
    dedicatedCpus: [...told.dedicatedCpus],
    securityGroups: [...told.securityGroups],
    fixedIpv4: emptyToUndefined(told.fixedIpv4),
    floatingIpv4: emptyToUndefined(told.floatingIpv4),
    rootDevice: emptyToUndefined(told.rootDevice),
    blockDevices: told.blockDevices.map(({ name, device }) => ({ name, device })),
    personality: told.personality.map(({ path, contents }) => ({ path, contents })),
    adminPass: emptyToUndefined(told.adminPass),
    configDriveWanted: told.configDrive || defaults.forceConfigDrive,
  };
  faults.throwIfAny();
  return description;
}

/** What a rebuild changes. Undefined members stay as they were. */
export interface RebuildDescription {
  readonly imageId: string;
  /** Null: from now on none. */
  readonly userData: string | null | undefined;
  readonly metadata: readonly MetadataItem[] | undefined;
  readonly keypair: Keypair | undefined;
}

export interface ToldRebuild {
  readonly imageId: string;
  readonly userData?: string | undefined;
  readonly metadata?: { readonly items: readonly ToldItem[] } | undefined;
  readonly keypair?: ToldKeypair | undefined;
}

/** @throws HallmarkError `INSTANCE_INVALID` */
export function readRebuild(told: ToldRebuild): RebuildDescription {
  const faults = new Faults();
  const imageId = readUuid(faults, 'image_id', told.imageId) ?? '';
  faults.require(told.imageId !== '', 'image_id', 'is missing');
  const rebuild: RebuildDescription = {
    imageId,
    userData: told.userData === undefined ? undefined : (readUserData(faults, told.userData) ?? null),
    metadata: told.metadata && readMetadata(faults, told.metadata.items),
    keypair: readKeypair(faults, told.keypair),
  };
  faults.throwIfAny();
  return rebuild;
}

/** @throws HallmarkError `INSTANCE_INVALID` */
export function readNewMetadata(told: readonly ToldItem[]): readonly MetadataItem[] {
  const faults = new Faults();
  const metadata = readMetadata(faults, told);
  faults.throwIfAny();
  return metadata;
}

function readJson(faults: Faults, field: string, bytes: Buffer, expected: 'object' | 'array'): Buffer {
  if (bytes.length === 0) return Buffer.from(expected === 'object' ? '{}' : '[]');
  const fault = jsonFault(bytes, expected);
  if (fault !== undefined) faults.add(field, fault);
  return bytes;
}

function checkPersonality(faults: Faults, files: ToldBoot['personality']): void {
  faults.require(
    files.length <= MAX_PERSONALITY_FILES,
    'personality',
    `has ${files.length} files, at most ${MAX_PERSONALITY_FILES} are allowed`,
  );
  const seen = new Set<string>();
  for (const [index, { path, contents }] of files.slice(0, MAX_PERSONALITY_FILES).entries()) {
    const field = `personality[${index}]`;
    checkLine(faults, `${field}.path`, path, 1);
    faults.require(path.startsWith('/'), `${field}.path`, 'is not absolute');
    faults.require(
      Buffer.byteLength(path) <= MAX_PERSONALITY_PATH_BYTES,
      `${field}.path`,
      `has more than ${MAX_PERSONALITY_PATH_BYTES} bytes`,
    );
    faults.require(!seen.has(path), `${field}.path`, 'comes twice');
    seen.add(path);
    faults.require(
      contents.length <= MAX_PERSONALITY_BYTES,
      `${field}.contents`,
      `has ${contents.length} bytes, at most ${MAX_PERSONALITY_BYTES} are allowed`,
    );
  }
}

function checkBlockDevices(faults: Faults, { rootDevice, blockDevices }: ToldBoot): void {
  faults.require(rootDevice === '' || isDevice(rootDevice), 'root_device', 'is no path below /dev/');
  const seen = new Set<string>();
  for (const [index, { name, device }] of blockDevices.entries()) {
    const field = `block_devices[${index}]`;
    faults.require(
      BLOCK_DEVICE_NAME.test(name),
      `${field}.name`,
      'is not swap, ephemeral or ebs with a number',
    );
    faults.require(!seen.has(name), `${field}.name`, 'comes twice');
    seen.add(name);
    faults.require(isDevice(device), `${field}.device`, 'is no path below /dev/');
  }
}

const isDevice = (path: string): boolean => path.length <= 255 && DEVICE.test(path);
