/** The Image API: its paths, and what each method at one does, in the order in which `Allow` names them. */
const PATHS = {
  '/v2/images': { GET: 'listImages', POST: 'createImage' },
  '/v2/images/:id': { GET: 'showImage', PATCH: 'updateImage', DELETE: 'deleteImage' },
  '/v2/images/:id/actions/deactivate': { POST: 'deactivateImage' },
  '/v2/images/:id/actions/reactivate': { POST: 'reactivateImage' },
  '/v2/images/:id/file': { GET: 'downloadImage', PUT: 'uploadImage' },
  '/v2/images/:id/stage': { PUT: 'stageImage' },
  '/v2/images/:id/import': { POST: 'importImage' },
  '/v2/images/:id/tasks': { GET: 'listImageTasks' },
  '/v2/images/:id/tags/:tag': { PUT: 'addTag', DELETE: 'removeTag' },
  '/v2/images/:id/members': { GET: 'listMembers', POST: 'createMember' },
  '/v2/images/:id/members/:member': { GET: 'showMember', PUT: 'updateMember', DELETE: 'deleteMember' },
  '/v2/stores/:store/:id': { DELETE: 'deleteFromStore' },
  '/v2/tasks': { GET: 'listTasks', POST: 'createTask' },
  '/v2/tasks/:id': { GET: 'showTask', DELETE: 'deleteTask' },
  '/v2/tasks/:id/actions/cancel': { POST: 'cancelTask' },
  '/v2/schemas/:name': { GET: 'showSchema' },
  '/v2/info/import': { GET: 'showImportInfo' },
  '/v2/info/stores': { GET: 'listStores' },
  '/v2/info/stores/detail': { GET: 'listStoresInDetail' },
  '/v2/info/usage': { GET: 'showUsage' },
} as const;

type Paths = typeof PATHS;
type ApiPath = keyof Paths;
type ValueOf<T> = T extends unknown ? T[keyof T] : never;

/** What a request may ask for. */
export type OperationId = ValueOf<Paths[ApiPath]>;

/** Paths of the Image API as metrics and the log know them. */
export type ImageRoute = ApiPath | '/' | '/versions' | '/healthcheck' | '/v2' | 'none';

/** Names in a path and what stands there. */
export type Params = Readonly<Record<string, string>>;

/** Where a path below a version leads. */
export interface Place {
  readonly route: ImageRoute;
  readonly params: Params;
  /** What each method does there. Empty: there is nothing. */
  readonly methods: ReadonlyMap<string, OperationId>;
}

/** What a request line asks for. */
export type ImageTarget =
  | { readonly kind: 'healthcheck' }
  /** The document of all versions; `chosen`: asked for as such. */
  | { readonly kind: 'versions'; readonly chosen: boolean }
  /** Something of one version, `v2` or `v2.N`. */
  | { readonly kind: 'api'; readonly version: string; readonly place: Place };

const PATTERNS = Object.entries(PATHS).map(([path, methods]) => ({
  route: path as ApiPath,
  segments: path.slice('/v2/'.length).split('/'),
  methods: new Map<string, OperationId>(Object.entries(methods)),
}));

const NOWHERE: Place = { route: 'none', params: {}, methods: new Map() };
/** The root of a version, at which there is nothing. */
const ROOT: Place = { route: '/v2', params: {}, methods: new Map() };

const VERSION = /^v2(?:\.\d+)?$/;
/** Another way to say the version: in `Accept`, with a path without one. */
const VERSION_MEDIA = 'application/vnd.openstack.images-';
/** The only way to name a host in a request line that servers must take (RFC 9112, 3.2.2). */
const ABSOLUTE_FORM = /^https?:\/\/[^/?#]*/i;

/** @throws URIError when a segment is not percent-encoded UTF-8. */
export function imageTargetOf(target: string, accept: string | undefined): ImageTarget {
  const path = pathIn(target);
  // Slashes side by side are one, as for Glance; one at the end asks for what is not there.
  const segments = path.split('/').filter((segment) => segment !== '');
  const [first = '', ...rest] = segments;
  const isClosed = path.endsWith('/');
  if (first === 'healthcheck' && rest.length === 0) return { kind: 'healthcheck' };
  if (first === 'versions' && rest.length === 0) return { kind: 'versions', chosen: true };
  if (VERSION.test(first)) return { kind: 'api', version: first, place: placeAt(rest, isClosed) };
  const named = accept?.startsWith(VERSION_MEDIA) === true ? accept.slice(VERSION_MEDIA.length) : '';
  if (VERSION.test(named)) return { kind: 'api', version: named, place: placeAt(segments, isClosed) };
  return { kind: 'versions', chosen: false };
}

/** The query of a request line's target, without its `?`. */
export function queryOf(target: string): string {
  const at = target.indexOf('?');
  return at === -1 ? '' : target.slice(at + 1);
}

function pathIn(target: string): string {
  const query = target.indexOf('?');
  const raw = query === -1 ? target : target.slice(0, query);
  return raw.startsWith('/') ? raw : raw.replace(ABSOLUTE_FORM, '');
}

function placeAt(segments: readonly string[], isClosed: boolean): Place {
  if (segments.length === 0) return isClosed ? NOWHERE : ROOT;
  if (isClosed) return NOWHERE;
  const names = segments.map(decodeURIComponent);
  for (const { route, segments: wanted, methods } of PATTERNS) {
    const params = match(wanted, names);
    if (params) return { route, params, methods };
  }
  return NOWHERE;
}

function match(wanted: readonly string[], names: readonly string[]): Params | undefined {
  if (wanted.length !== names.length) return undefined;
  const params: Record<string, string> = {};
  for (const [at, segment] of wanted.entries()) {
    const name = names[at] ?? '';
    if (segment.startsWith(':')) params[segment.slice(1)] = name;
    else if (segment !== name) return undefined;
  }
  return params;
}
