import type { Ec2Numbers, InstanceRecord } from '../instance-record.ts';
import type { Json, JsonObject } from './json.ts';
import { ContentType, Source } from './documents.ts';
import type { DocumentCollection, DocumentEntry } from './documents.ts';
import { guestHostname } from './record-content.ts';
import { EC2_SINCE } from './versions.ts';

/** The member that gives a directory another name in the listing above it. */
const DISPLAY_NAME = '_name';

/** What lies below `meta-data` in an EC2 version, in Nova's order. */
export function ec2MetaData(version: string, record: InstanceRecord, dhcpDomain: string): JsonObject {
  const { ec2 } = record;
  const hostname = guestHostname(record, dhcpDomain);
  const tree: JsonObject = new Map<string, Json>([
    ['ami-id', numbered('ami', ec2.image)],
    ['ami-launch-index', record.launchIndex],
    ['ami-manifest-path', 'FIXME'],
    ['instance-id', numbered('i', ec2.instance)],
    ['hostname', hostname],
    ['local-ipv4', record.fixedIpv4 ?? null],
    ['reservation-id', record.reservationId],
    ['security-groups', [...record.securityGroups]],
  ]);
  if (record.keypair !== undefined) tree.set('public-keys', publicKeys(record.keypair));
  if (version >= EC2_SINCE.addresses) {
    tree.set('local-hostname', hostname);
    tree.set('public-hostname', hostname);
    tree.set('public-ipv4', record.floatingIpv4 ?? '');
  }
  if (version >= EC2_SINCE.instanceType) tree.set('instance-type', record.flavor);
  if (version >= EC2_SINCE.blockDevices) {
    tree.set('block-device-mapping', blockDeviceMapping(record));
    addKernel(tree, ec2);
  }
  if (version >= EC2_SINCE.placement) {
    tree.set('placement', new Map([['availability-zone', record.availabilityZone ?? null]]));
  }
  if (version >= EC2_SINCE.instanceAction) tree.set('instance-action', 'none');
  return tree;
}

/**
 * All paths of an EC2 version.
 *
 * @param userData index of the user data, undefined when there is none
 */
export function ec2Entries(
  metaData: JsonObject,
  userData: number | undefined,
  documents: DocumentCollection,
): DocumentEntry[] {
  const entries: DocumentEntry[] = [];
  const add = (path: string, content: number, source: Source = Source.contents): void => {
    entries.push({ path, source, content, contentType: ContentType.text });
  };
  const addDirectory = (path: string, directory: JsonObject): void => {
    const members = membersOf(directory);
    add(path, documents.addText(members.map(nameInListing).join('\n')));
    for (const [name, node] of members) {
      const below = `${path}/${name}`;
      if (node instanceof Map) addDirectory(below, node);
      else add(below, documents.addText(leafText(node)), sourceOf(below, node));
    }
  };

  addDirectory(META_DATA, metaData);
  if (userData !== undefined) add(USER_DATA, userData);
  const names = userData === undefined ? [`${META_DATA}/`] : [`${META_DATA}/`, USER_DATA];
  add('', documents.addText(names.join('\n')));
  return entries;
}

const META_DATA = 'meta-data';
const USER_DATA = 'user-data';

/** Without a fixed address Nova tells a guest the one from which it asks. */
const sourceOf = (path: string, node: Json): Source =>
  node === null && path === `${META_DATA}/local-ipv4` ? Source.callerAddress : Source.contents;

/** A directory ends in `/`, unless it has a display name. */
function nameInListing([name, node]: [string, Json]): string {
  if (!(node instanceof Map)) return name;
  const displayName = node.get(DISPLAY_NAME);
  return typeof displayName === 'string' ? displayName : `${name}/`;
}

/** The members of a directory that have a path of their own, sorted. */
const membersOf = (directory: JsonObject): [string, Json][] =>
  Array.from(directory)
    .filter(([name]) => name !== DISPLAY_NAME)
    .sort(([left], [right]) => (left < right ? -1 : 1));

function leafText(leaf: Exclude<Json, JsonObject>): string {
  if (leaf === null) return 'None'; // Python's word for it
  return Array.isArray(leaf) ? leaf.map(String).join('\n') : String(leaf);
}

const numbered = (prefix: string, number: number | undefined): string | null =>
  number === undefined ? null : `${prefix}-${number.toString(16).padStart(8, '0')}`;

const publicKeys = ({ name, publicKey }: { name: string; publicKey: string }): JsonObject =>
  new Map([
    [
      '0',
      new Map([
        [DISPLAY_NAME, `0=${name}`],
        ['openssh-key', publicKey],
      ]),
    ],
  ]);

function addKernel(tree: JsonObject, { kernel, ramdisk }: Ec2Numbers): void {
  if (kernel !== undefined) tree.set('kernel-id', numbered('aki', kernel));
  if (ramdisk !== undefined) tree.set('ramdisk-id', numbered('ari', ramdisk));
}

/** What Nova says as long as it knows no root device. */
const UNKNOWN_ROOT: readonly [string, string][] = [
  ['ami', 'sda1'],
  ['ephemeral0', 'sda2'],
  ['root', '/dev/sda1'],
  ['swap', 'sda3'],
];
const DEV = '/dev/';

function blockDeviceMapping({ rootDevice, blockDevices }: InstanceRecord): JsonObject {
  if (rootDevice === undefined) return new Map(UNKNOWN_ROOT);
  const bare = rootDevice.startsWith(DEV) ? rootDevice.slice(DEV.length) : rootDevice;
  const others = blockDevices.map(({ name, device }): [string, string] => [name, device]);
  return new Map([['ami', bare], ['root', `${DEV}${bare}`], ...others]);
}
