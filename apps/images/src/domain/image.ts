export const STATUSES = [
  'queued',
  'saving',
  'active',
  'killed',
  'deleted',
  'uploading',
  'importing',
  'pending_delete',
  'deactivated',
] as const;
export type ImageStatus = (typeof STATUSES)[number];

export const VISIBILITIES = ['community', 'public', 'private', 'shared'] as const;
export type Visibility = (typeof VISIBILITIES)[number];

export const MEMBER_STATUSES = ['pending', 'accepted', 'rejected'] as const;
export type MemberStatus = (typeof MEMBER_STATUSES)[number];

/** One extra property. */
export interface Property {
  readonly value: string;
  /** Set by an import, not by a user. */
  readonly injected: boolean;
}

/** One copy of an image's data. */
export interface Location {
  readonly storeId: string;
  readonly url: string;
}

/** What users and administrators may set. */
export interface ImageAttributes {
  readonly name: string | null;
  readonly visibility: Visibility;
  readonly protected: boolean;
  readonly hidden: boolean;
  readonly owner: string | null;
  readonly containerFormat: string | null;
  readonly diskFormat: string | null;
  /** GB. */
  readonly minDisk: number;
  /** MB. */
  readonly minRam: number;
  readonly tags: readonly string[];
}

/** What is known of an image's data. */
export interface ImageData {
  readonly size: number | null;
  readonly virtualSize: number | null;
  /** MD5 in hex. */
  readonly checksum: string | null;
  readonly hashAlgo: string | null;
  readonly hashValue: string | null;
}

/** An image as it is stored, with everything, whoever asks. */
export interface Image extends ImageAttributes, ImageData {
  readonly id: string;
  readonly status: ImageStatus;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** In the order in which they were first set. */
  readonly properties: ReadonlyMap<string, Property>;
  /** In the order in which the copies were made. */
  readonly locations: readonly Location[];
}

/** A project with which an image is shared. */
export interface Member {
  readonly imageId: string;
  readonly memberId: string;
  readonly status: MemberStatus;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** The prefix of names that only the service itself sets. */
export const INTERNAL_PREFIX = 'os_glance';

export const isInternal = (name: string): boolean => name.startsWith(INTERNAL_PREFIX);

/** Internal names that clients wait for; no other internal name is ever shown. */
export const SHOWN_INTERNAL_NAMES: ReadonlySet<string> = new Set([
  'os_glance_import_task',
  'os_glance_importing_to_stores',
  'os_glance_failed_import',
]);

export const IMAGE_ID =
  /^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$/;
