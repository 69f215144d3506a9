import type { ListedFile } from './drive-listing.ts';
import type { Instance } from './user.ts';

/** A document, one line for each service. */
export function describeMembers(json: string): string {
  const lines = Object.entries(JSON.parse(json) as object).map(
    ([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`,
  );
  return `   { ${lines.join(',\n     ')} }`;
}

/** What the service says of a drive. */
export function describeDrive({ drive }: Pick<Instance, 'drive'>): string {
  if (!drive) return '   no config drive';
  const { format, size, sha256, short_lived_targets: shortLived } = drive;
  const frozen =
    shortLived.length === 0 ? '' : `\n   frozen though good for a short time only: ${shortLived.join(', ')}`;
  return `   ${format}, ${size} bytes, sha256 ${sha256}${frozen}`;
}

const NEWEST = 'latest';

/** The files of a drive, of the versions only the newest. */
export function describeFiles(files: readonly ListedFile[]): string {
  const isOld = ({ path }: ListedFile): boolean => (versionOf(path) ?? NEWEST) !== NEWEST;
  const shown = files.filter((file) => !isOld(file));
  const width = Math.max(...shown.map(({ path }) => path.length));
  const lines = shown.map(({ path, size }) => `   ${path.padEnd(width)} ${String(size).padStart(6)}`);
  const old = files.filter(isOld);
  const versions = new Set(old.map(({ path }) => path.split('/', 2).join('/')));
  const [first = '', last = ''] = [[...versions].sort().at(0), [...versions].sort().at(-1)];
  return `${lines.join('\n')}\n   and ${old.length} files of ${versions.size} older versions, ${first} to ${last}`;
}

/** Undefined: the path belongs to no version. */
function versionOf(path: string): string | undefined {
  const [, version] = /^(?:openstack|ec2)\/(latest|[\d.-]+)\//.exec(path) ?? [];
  return version;
}
