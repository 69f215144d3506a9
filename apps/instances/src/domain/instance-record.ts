import type { InstanceStatus } from './status.ts';

/** One pair of the user's metadata. */
export interface MetadataItem {
  readonly key: string;
  readonly value: string;
}

export interface Keypair {
  readonly name: string;
  readonly type: 'ssh' | 'x509';
  readonly publicKey: string;
}

/** A block device beside the root. */
export interface BlockDevice {
  /** What EC2 calls it: `swap`, `ephemeral0`, `ebs0`. */
  readonly name: string;
  /** Such as `/dev/vdb`. */
  readonly device: string;
}

/** A file that the user injects. */
export interface PersonalityFile {
  /** Absolute path in the guest. */
  readonly path: string;
  readonly contents: Buffer;
}

/** The numbers that EC2 has in the place of UUIDs. */
export interface Ec2Numbers {
  /** `i-%08x`. */
  readonly instance: number;
  /** `ami-%08x`. Undefined: booted from a volume. */
  readonly image: number | undefined;
  /** `aki-%08x`. */
  readonly kernel: number | undefined;
  /** `ari-%08x`. */
  readonly ramdisk: number | undefined;
}

/** Why a build failed. */
export interface Fault {
  /** UPPER_SNAKE_CASE, never changes. */
  readonly reason: string;
  /** One sentence for a person, without a secret. */
  readonly message: string;
  readonly createdAt: Date;
}

/** What was told of an instance at its boot, checked, and with what was left out filled in. */
export interface BootDescription {
  /** UUID, lower case with dashes. */
  readonly id: string;
  /** Display name. */
  readonly name: string;
  /** Without domain, unless the user gave one with it. */
  readonly hostname: string;
  /** Undefined: it boots from a volume. */
  readonly imageId: string | undefined;
  readonly kernelId: string | undefined;
  readonly ramdiskId: string | undefined;
  /** The flavor's name. */
  readonly flavor: string;
  /** Undefined: null to the guest. */
  readonly availabilityZone: string | undefined;
  readonly launchIndex: number;
  /** `r-` and eight characters. */
  readonly reservationId: string;
  /** Base64, as given. */
  readonly userData: string | undefined;
  /** In the user's order. No key comes twice. */
  readonly metadata: readonly MetadataItem[];
  readonly keypair: Keypair | undefined;
  /** A JSON object, as it was written. */
  readonly networkData: Buffer;
  /** A JSON array, as it was written. */
  readonly devices: Buffer;
  /** Sorted. */
  readonly dedicatedCpus: readonly number[];
  readonly securityGroups: readonly string[];
  readonly fixedIpv4: string | undefined;
  readonly floatingIpv4: string | undefined;
  /** Such as `/dev/vda`. */
  readonly rootDevice: string | undefined;
  readonly blockDevices: readonly BlockDevice[];
  /** On the config drive only. */
  readonly personality: readonly PersonalityFile[];
  /** On the config drive only. */
  readonly adminPass: string | undefined;
  /** `[DEFAULT] force_config_drive` counts too. */
  readonly configDriveWanted: boolean;
}

/** All that is kept of an instance. Its config drive is kept beside it. */
export interface InstanceRecord extends BootDescription {
  readonly projectId: string;
  readonly userId: string;
  /** Names of the roles in the token of the boot request, in its order. Nothing ever changes them. */
  readonly bootRoles: readonly string[];
  /** 512 bytes, made once, so that documents and drives of an instance stay the same. */
  readonly randomSeed: Buffer;
  readonly ec2: Ec2Numbers;
  /** What the guest posted. */
  readonly password: string | undefined;
  readonly status: InstanceStatus;
  /** Undefined unless the status is ERROR. */
  readonly fault: Fault | undefined;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly deletedAt: Date | undefined;
}

/** What is told of a built config drive. */
export interface ConfigDriveSummary {
  readonly format: 'iso9660' | 'vfat';
  /** Bytes. */
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
  /** Targets whose answer was frozen though it wanted to be fresher, or was left off. */
  readonly shortLivedTargets: readonly string[];
}

/** An instance as its owner sees it. */
export interface InstanceView {
  readonly record: InstanceRecord;
  /** Undefined: it has none, or none yet. */
  readonly configDrive: ConfigDriveSummary | undefined;
}
