import type { InstanceRecord } from '../instance-record.ts';
import { readJson, writeJson } from './json.ts';
import type { JsonObject } from './json.ts';

/** The host name as the guest shall know it. */
export const guestHostname = (record: InstanceRecord, dhcpDomain: string): string =>
  dhcpDomain === '' ? record.hostname : `${record.hostname}.${dhcpDomain}`;

/** The user's metadata as an object. */
export const userMetadata = (record: InstanceRecord): JsonObject =>
  new Map(record.metadata.map(({ key, value }) => [key, value]));

/** User data as the guest gets it. Undefined: there is none, which is not the same as none of it. */
export const userDataBytes = (record: InstanceRecord): Buffer | undefined =>
  record.userData === undefined ? undefined : Buffer.from(record.userData, 'base64');

/** `network_data.json`, the same in all versions. */
export const networkDataJson = (record: InstanceRecord): string => writeJson(readJson(record.networkData));
