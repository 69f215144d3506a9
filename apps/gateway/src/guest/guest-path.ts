import { posix } from 'node:path';

/** Guests' paths as metrics and the log know them. */
export type GuestRoute =
  | '/'
  | '/openstack'
  | '/openstack/content/:id'
  | '/openstack/:version'
  | `/openstack/:version/${OpenStackFile}`
  | '/:version'
  | '/:version/meta-data'
  | '/:version/user-data'
  | '/latest/api/token'
  | 'none';

type OpenStackFile = (typeof OPENSTACK_FILES)[number];

/** What a path leads to. */
export type GuestPath =
  /** The list of EC2's versions, for whoever asks. */
  | { readonly kind: 'root'; readonly route: '/' }
  /** A list of versions, for a known guest. */
  | { readonly kind: 'versions'; readonly tree: Tree; readonly route: GuestRoute }
  | {
      readonly kind: 'document';
      readonly tree: Tree;
      readonly version: string;
      /** Below the version, without slashes at its ends. */
      readonly path: string;
      readonly route: GuestRoute;
    }
  | { readonly kind: 'content'; readonly path: string; readonly route: '/openstack/content/:id' }
  /** Where EC2's guests get a session token. */
  | { readonly kind: 'token'; readonly route: '/latest/api/token' }
  | { readonly kind: 'none'; readonly route: 'none' };

export type Tree = 'openstack' | 'ec2';

const OPENSTACK_FILES = [
  'meta_data.json',
  'user_data',
  'password',
  'vendor_data.json',
  'network_data.json',
  'vendor_data2.json',
] as const;

const ROUTES: ReadonlyMap<string, GuestRoute> = new Map<string, GuestRoute>([
  ['', '/openstack/:version'],
  // Another name of the listing.
  ['version', '/openstack/:version'],
  ...OPENSTACK_FILES.map((file) => [file, `/openstack/:version/${file}`] as const),
]);

const NOWHERE: GuestPath = { kind: 'none', route: 'none' };
const ESCAPES = /%[0-9a-f]{2}/gi;
/** The only way to name a host in a request line that servers must take (RFC 9112, 3.2.2). */
const ABSOLUTE_FORM = /^https?:\/\/[^/?#]*/i;
/** What leaves a path that needs no work. */
const PLAIN = /^(?:\/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+\/?$/;

/**
 * Finds what the target of a request line leads to, as Nova does: percent-encoding undone, the path
 * normalised as POSIX has it, what is left looked up from its first segment on.
 */
export function guestPathOf(target: string): GuestPath {
  const path = pathIn(target);
  if (!path.startsWith('/')) return NOWHERE;
  // POSIX lets exactly two slashes be something else than one, and what comes after them is never seen.
  if (path.startsWith('//') && path[2] !== '/') return { kind: 'versions', tree: 'ec2', route: '/' };
  const normal = normalised(path);
  if (normal === '/') return { kind: 'root', route: '/' };
  const [first, rest] = headOf(normal);
  if (first === 'openstack') return inOpenStack(rest);
  return first === 'ec2' ? inEc2(rest) : inEc2(normal);
}

/** The query of a request line's target, without its `?`. */
export function queryOf(target: string): string {
  const at = target.indexOf('?');
  return at === -1 ? '' : target.slice(at + 1);
}

function pathIn(target: string): string {
  const query = target.indexOf('?');
  const raw = query === -1 ? target : target.slice(0, query);
  const path = raw.startsWith('/') ? raw : raw.replace(ABSOLUTE_FORM, '') || '/';
  // Bytes, not characters: no name has any beyond ASCII. What is no escape stands for itself.
  return path.includes('%')
    ? path.replace(ESCAPES, (escape) => String.fromCharCode(Number.parseInt(escape.slice(1), 16)))
    : path;
}

function normalised(path: string): string {
  const normal = PLAIN.test(path) ? path : posix.normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

/** The first segment of a path, and what follows it with its slash. */
function headOf(path: string): [string, string] {
  const end = path.indexOf('/', 1);
  return end === -1 ? [path.slice(1), ''] : [path.slice(1, end), path.slice(end)];
}

function inOpenStack(below: string): GuestPath {
  if (below === '') return { kind: 'versions', tree: 'openstack', route: '/openstack' };
  const [version, rest] = headOf(below);
  const path = rest.slice(1);
  if (version === 'content') return { kind: 'content', path, route: '/openstack/content/:id' };
  return { kind: 'document', tree: 'openstack', version, path, route: ROUTES.get(path) ?? 'none' };
}

function inEc2(below: string): GuestPath {
  if (below === '') return { kind: 'versions', tree: 'ec2', route: '/' };
  if (below === '/latest/api/token') return { kind: 'token', route: '/latest/api/token' };
  const [version, rest] = headOf(below);
  return { kind: 'document', tree: 'ec2', version, path: rest.slice(1), route: ec2Route(rest) };
}

function ec2Route(rest: string): GuestRoute {
  switch (headOf(rest)[0]) {
    case '':
      return '/:version';
    case 'meta-data':
      return '/:version/meta-data';
    case 'user-data':
      return '/:version/user-data';
    default:
      return 'none';
  }
}
