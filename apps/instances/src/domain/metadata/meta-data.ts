import type { InstanceRecord } from '../instance-record.ts';
import { devicesFor } from './devices.ts';
import { readJson, writeJson, writeMember } from './json.ts';
import type { Json, JsonObject } from './json.ts';
import { guestHostname, userMetadata } from './record-content.ts';
import { SINCE } from './versions.ts';

/** What `meta_data.json` tells on a config drive only. */
export interface DriveSecrets {
  /** The injected files, with where the drive has them. */
  readonly files: readonly { readonly path: string; readonly contentPath: string }[];
  readonly adminPass: string | undefined;
}

/** `meta_data.json` of any version. */
export type MetaData = (version: string) => string;

/** A part of the document, and the version that brought it. */
interface Member {
  readonly since: string;
  readonly text: string | ((version: string) => string);
}

/** Makes `meta_data.json`. What is the same in all versions is written once. */
export function metaData(record: InstanceRecord, dhcpDomain: string, secrets?: DriveSecrets): MetaData {
  const members = membersOf(record, dhcpDomain, secrets);
  return (version) => {
    const shown = members.filter(({ since }) => since <= version);
    return `{${shown.map(({ text }) => (typeof text === 'string' ? text : text(version))).join(', ')}}`;
  };
}

function membersOf(record: InstanceRecord, dhcpDomain: string, secrets?: DriveSecrets): Member[] {
  const members: Member[] = [];
  const add = (name: string, value: Json, since: string = SINCE.always): void => {
    members.push({ since, text: writeMember([name, value]) });
  };

  add('uuid', record.id);
  if (record.metadata.length > 0) add('meta', userMetadata(record));
  if (secrets !== undefined && secrets.files.length > 0) add('files', secrets.files.map(fileMember));
  if (secrets?.adminPass !== undefined) add('admin_pass', secrets.adminPass);
  if (record.keypair !== undefined) {
    const { name, type, publicKey } = record.keypair;
    add('public_keys', new Map([[name, publicKey]]));
    add('keys', [
      new Map([
        ['name', name],
        ['type', type],
        ['data', publicKey],
      ]),
    ]);
  }
  add('hostname', guestHostname(record, dhcpDomain));
  add('name', record.name);
  add('launch_index', record.launchIndex);
  add('availability_zone', record.availabilityZone ?? null);
  add('random_seed', record.randomSeed.toString('base64'), SINCE.randomSeed);
  add('project_id', record.projectId, SINCE.projectId);
  members.push({ since: SINCE.devices, text: devicesMember(record) });
  add('dedicated_cpus', [...record.dedicatedCpus], SINCE.dedicatedCpus);
  return members;
}

const fileMember = (file: { path: string; contentPath: string }): JsonObject =>
  new Map([
    ['path', file.path],
    ['content_path', file.contentPath],
  ]);

function devicesMember(record: InstanceRecord): (version: string) => string {
  const devices = readJson(record.devices);
  if (!Array.isArray(devices)) throw new TypeError(`The devices of instance ${record.id} are no array.`);
  return (version) => `"devices": ${writeJson(devicesFor(version, devices))}`;
}
