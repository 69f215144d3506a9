import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedPostgres } from '@hallmark/postgres';
import { Constellation } from '@hallmark/serve';
import { startFakeKeystone, waitFor, type FakeUser } from '@hallmark/testing';
import type { Watched } from '../measure/process-usage.ts';
import { ImageRegistry } from './registry.ts';

const RELOADED_MS = 60_000;
const RELOADED = 'the configuration has been read again';
/** What users' images are marked with. */
export const MARKS = {
  origin: 'self-service',
  support: 'none',
  'trait:CUSTOM_USER_IMAGES': 'required',
} as const;

/** Hallmark with the Image API, as it is started from a configuration. */
export interface ImagesHouse {
  readonly registry: ImageRegistry;
  /** The project of those who read lists. */
  readonly listProject: string;
  readonly watched: readonly Watched[];
  /** PostgreSQL's first process. */
  readonly databasePid: number;
  /** Those that bytes flow through. */
  readonly carriers: readonly Watched[];
  readonly port: number;
  /** On the file system on which images are kept. */
  readonly directory: string;
  /** Of a member who creates images, and of one who only reads lists. */
  readonly memberHeaders: Readonly<Record<string, string>>;
  readonly listHeaders: Readonly<Record<string, string>>;
  readonly adminHeaders: Readonly<Record<string, string>>;
  /** Asks the Image API. @throws Error for what is not 2xx, since without it there is nothing to measure. */
  ask(
    method: string,
    path: string,
    what?: { readonly body?: object; readonly headers?: Readonly<Record<string, string>> },
  ): Promise<unknown>;
  /** Puts so many property protection rules into force. */
  protect(rules: number): Promise<void>;
}

/** Starts PostgreSQL, Keystone and all processes of Hallmark; they end with `parts`. */
export async function startImagesHouse(
  parts: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<ImagesHouse> {
  const keystone = parts.use(await startFakeKeystone({ users: USERS }));
  const directory = await mkdtemp(join(tmpdir(), 'hallmark-bench-'));
  parts.defer(async () => rm(directory, { recursive: true, force: true }));
  const rulesFile = join(directory, 'property-protections.conf');
  await writeFile(rulesFile, protections(1));
  // Without a checkpoint every few seconds a million rows are there in half the time; and pages in memory, as on
  // a server that is meant for a million images.
  const settings = { max_wal_size: '4GB', shared_buffers: '1GB', maintenance_work_mem: '512MB' };
  const postgres = parts.use(await EmbeddedPostgres.start({ settings }));
  const constellation = parts.use(
    await Constellation.start({
      name: 'hallmark-bench',
      keystone: { url: keystone.url, username: 'hallmark', password: 'hallmark-secret' },
      config: configuration(rulesFile),
      postgresUrl: postgres.url,
      instances: false,
      signal,
    }),
  );
  const { imageUrl, programs } = constellation;
  const watched = [...programs].map(([name, { pid }]) => ({ name, pid }));
  const headersOf = (user: string): Record<string, string> => ({ 'X-Auth-Token': keystone.issue({ user }) });
  const memberHeaders = headersOf('alice');
  const listHeaders = headersOf('lister');
  const ask: ImagesHouse['ask'] = async (method, path, { body, headers = memberHeaders } = {}) => {
    const response = await fetch(`${imageUrl}${path}`, {
      method,
      headers: { ...headers, ...(body && { 'Content-Type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} was answered with ${response.status}: ${text}`);
    return text === '' ? undefined : (JSON.parse(text) as unknown);
  };
  const { owner } = (await ask('POST', '/v2/images', { body: {}, headers: listHeaders })) as {
    owner: string;
  };
  return {
    registry: parts.use(await ImageRegistry.connect(postgres.url, owner)),
    listProject: owner,
    watched,
    databasePid: postgres.pid,
    carriers: watched.filter(({ name }) => name === 'gateway' || name === 'images'),
    port: Number(new URL(imageUrl).port),
    directory,
    memberHeaders,
    listHeaders,
    adminHeaders: headersOf('olga'),
    ask,
    async protect(rules) {
      await writeFile(rulesFile, protections(rules));
      const log = constellation.logFile('images');
      const reloads = async (): Promise<number> => (await readFile(log, 'utf8')).split(RELOADED).length;
      const before = await reloads();
      programs.get('images')?.signal('SIGHUP');
      await waitFor('the rules to be in force', async () => (await reloads()) > before, RELOADED_MS);
    },
  };
}

const USERS: readonly FakeUser[] = [
  { name: 'hallmark', password: 'hallmark-secret', projects: { service: ['service'] } },
  { name: 'alice', password: 'alice-secret', projects: { demo: ['member', 'reader'] } },
  { name: 'lister', password: 'lister-secret', projects: { lists: ['member', 'reader'] } },
  { name: 'olga', password: 'olga-secret', projects: { operators: ['admin', 'member', 'reader'] } },
];

const configuration = (rulesFile: string): string => `[DEFAULT]
property_protection_file = ${rulesFile}

[inject_metadata_properties]
inject = ${JSON.stringify(MARKS)}
ignore_user_roles = admin
`;

/** So many rules, of which only the last matches names that are not a vendor's. */
function protections(rules: number): string {
  const section = (pattern: string, who: string): string =>
    `[${pattern}]\ncreate = ${who}\nread = @\nupdate = ${who}\ndelete = ${who}\n`;
  const vendors = Array.from({ length: rules - 1 }, (_, index) =>
    section(`^vendor_${index}_.*$`, `admin,vendor-${index}`),
  );
  return [...vendors, section('.*', '@')].join('\n');
}
