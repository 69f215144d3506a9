import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { startFakeKeystone, startFakeTarget, usePostgres, waitFor } from '@hallmark/testing';
import type { FakeKeystone, FakeTarget } from '@hallmark/testing';
import { House, keystoneConfig, type Answer } from './house.ts';
import { projectOf } from './orchestrator.ts';

jest.setTimeout(120_000);

/** What Glance 25.1 was asked, and what it answered. The gateway's own tests have it too. */
interface Scene {
  readonly from: string;
  readonly title: string;
  readonly who: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly status: number;
  /** Absent where it is a document that names what was made on that day. */
  readonly text?: string;
}

const FIXTURE = new URL('../../gateway/test/fixtures/glance.json', import.meta.url);
const SCENES = JSON.parse(readFileSync(FIXTURE, 'utf8')) as readonly Scene[];

const ID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;
/** The projects of the transcripts, by who works in them. */
const PROJECTS: Readonly<Record<string, string>> = {
  alice: 'b1c0ec969e3a4133bea1e08f2c92ec8d',
  dave: '86bd417aa7674662b469bbc379c1b5da',
};
const NOBODYS = '00000000-0000-4000-8000-00000000dead';
const PROTECTIONS = ['^hidden_.*', '.*']
  .map((name) => {
    const who = name === '.*' ? 'admin,member,reader' : 'admin';
    return `[${name}]\n${['create', 'read', 'update', 'delete'].map((what) => `${what} = ${who}\n`).join('')}`;
  })
  .join('');

const postgres = usePostgres();
let opened: AsyncDisposableStack;
let keystone: FakeKeystone;
let mirror: FakeTarget;
let house: House;
/** What was then, and what stands for it now. */
const now = new Map<string, string>();

beforeAll(async () => {
  opened = new AsyncDisposableStack();
  keystone = opened.use(
    await startFakeKeystone({
      users: [
        { name: 'hallmark', password: 'hallmark-secret', projects: { service: ['service'] } },
        { name: 'alice', password: 'alice-secret', projects: { demo: ['member', 'reader'] } },
        { name: 'carol', password: 'carol-secret', projects: { demo: ['reader'] } },
        { name: 'dave', password: 'dave-secret', projects: { other: ['member', 'reader'] } },
        { name: 'admin', password: 'admin-secret', projects: { admin: ['admin', 'member', 'reader'] } },
      ],
    }),
  );
  mirror = opened.use(await startFakeTarget({ body: 'x', fault: 'hang-in-body' }));
  const directory = await mkdtemp(join(tmpdir(), 'hallmark-transcripts-'));
  opened.defer(() => rm(directory, { recursive: true, force: true }));
  await writeFile(join(directory, 'property-protections.conf'), PROTECTIONS);
  house = opened.use(
    await House.start({
      config: `${keystoneConfig(keystone.url, 'hallmark-secret')}
[DEFAULT]
enabled_backends = fast:file, slow:file
property_protection_file = ${directory}/property-protections.conf
[glance_store]
default_backend = fast
[fast]
store_description = fast file store
filesystem_store_datadir = ${directory}/fast
[slow]
filesystem_store_datadir = ${directory}/slow
[os_glance_staging_store]
filesystem_store_datadir = ${directory}/staging
[postgres]
url = ${await postgres.current.createDatabase()}
[images]
download_allowed_networks = 127.0.0.0/8
[import_filtering_opts]
allowed_ports = [80, 443, 9100, ${mirror.port}]
[inject_metadata_properties]
ignore_user_roles = admin
inject = hallmark_origin:import-gw,hallmark_batch:b-42
`,
      replicas: { images: 1 },
    }),
  );
  for (const [user, project] of Object.entries(PROJECTS))
    now.set(project, await projectOf(keystone.url, keystone.issue({ user })));
}, 240_000);
afterAll(() => opened.disposeAsync());

const translated = (text: string): string =>
  [...now].reduce((sum, [then, instead]) => sum.replaceAll(then, instead), text);

function tokenOf(who: string): string | undefined {
  if (who === 'None') return undefined;
  return who === 'garbage' ? 'gAAAAABgarbage' : keystone.issue({ user: who });
}

const JSON_TYPE = { 'Content-Type': 'application/json' };

async function ask(
  who: string,
  method: string,
  path: string,
  body?: string,
  headers: Readonly<Record<string, string>> = JSON_TYPE,
): Promise<Answer> {
  return await house.image(translated(path), {
    ...{ token: tokenOf(who), method, headers },
    ...(body !== undefined && { body: translated(body) }),
  });
}

async function expectedly(status: number, answer: Promise<Answer>): Promise<Record<string, unknown>> {
  const { status: got, text } = await answer;
  expect({ status: got, text }).toMatchObject({ status });
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}

const RAW = { container_format: 'bare', disk_format: 'raw' };

/** An image in the place of one that was there then. */
async function given(then: string, { image = RAW, isStaged = true }: Given = {}): Promise<void> {
  const { id } = await expectedly(201, ask('alice', 'POST', '/v2/images', JSON.stringify(image)));
  now.set(then, String(id));
  if (!isStaged) return;
  const octets = { 'Content-Type': 'application/octet-stream' };
  await expectedly(204, ask('alice', 'PUT', `/v2/images/${then}/stage`, 'x'.repeat(1024), octets));
}

interface Given {
  readonly image?: Readonly<Record<string, string>>;
  readonly isStaged?: boolean;
}

async function importing(who: string, id: string, body: object): Promise<void> {
  await expectedly(202, ask(who, 'POST', `/v2/images/${id}/import`, JSON.stringify(body)));
}

async function untilImported(id: string): Promise<void> {
  await waitFor(
    'the import to end',
    async () => {
      const image = await expectedly(200, ask('admin', 'GET', `/v2/images/${id}`));
      return image['os_glance_import_task'] === undefined;
    },
    60_000,
  );
}

/** The state of an image before the first scene that names it, where it was not staged and raw. */
const STATES: Readonly<Record<string, Given>> = {
  '1. member: create, stage, import glance-direct -> injected properties appear': { isStaged: false },
  'glance-direct on queued (nothing staged)': { isStaged: false },
  'reader imports': { isStaged: false },
  'on a queued image {"method": {"name": "web-download"}}': { isStaged: false },
  'formats unset at import': { image: {} },
};

/** What had been done before a scene. */
const BEFORE: Readonly<Record<string, (scene: Scene) => Promise<unknown>>> = {
  'caller-chosen id, then the same id again (duplicate), then by another project': ({ body = '' }) =>
    expectedly(201, ask('alice', 'POST', '/v2/images', body)),
  'import twice at once': ({ path }) =>
    importing('alice', idIn(path), { method: { name: 'web-download', uri: `${mirror.url}disk.raw` } }),
  'admin lists': async ({ path }) => {
    const then = ID.exec(path)?.[0] ?? NOBODYS;
    if (then === NOBODYS) return;
    const { tasks } = await expectedly(200, ask('admin', 'GET', '/v2/tasks?limit=1'));
    now.set(then, String((tasks as readonly { id: unknown }[])[0]?.id));
  },
  'delete from store as owner': async ({ path, who }) => {
    if (who !== 'alice') return;
    await importing('admin', idIn(path), { method: { name: 'copy-image' }, stores: ['slow'] });
    await untilImported(idIn(path));
  },
};

const idIn = (path: string): string => ID.exec(path)?.[0] ?? '';

/** Where Glance says 500 or takes a text for a list: docs/compat/glance.md, "A request that is well-formed but senseless". */
const DIFFERENT: Readonly<Record<string, string>> = {
  'property value 65536': 'The value of property custom is longer than 65535 bytes.',
  '{"method": "glance-direct"}': "Import request requires a 'name' field.",
  '{"method": {"name": "glance-direct"}, "stores": "fast"}': "'stores' must be a list of store ids",
};

/** The body of a request; the transcript has but the length of the longest. */
const bodyOf = ({ body }: Scene): string | undefined =>
  body === '(65550 bytes)' ? JSON.stringify({ custom: 'v'.repeat(65_536) }) : body;

/**
 * What of an answer counts: of a document its content, of a refusal its words, without the excerpt of the schema that
 * Glance's validator appends.
 */
const essence = (text: string): unknown =>
  text.startsWith('{') ? JSON.parse(text) : text.replace(/( in schema(\['\w+'\])+):? [^]*/, '$1').trimEnd();

describe('what Glance answered is what Hallmark answers', () => {
  test.each(SCENES.map((scene) => [`${scene.who} ${scene.method} ${scene.path} (${scene.title})`, scene]))(
    '%s',
    async (_name, named) => {
      const scene = named as Scene;
      const { title, who, method, path, headers } = scene;
      const image = idIn(path);
      if (
        path.startsWith('/v2/images/') &&
        ![NOBODYS, ...now.keys()].includes(image) &&
        scene.from === 'import'
      )
        await given(image, title.startsWith('disallowed uri') ? { isStaged: false } : STATES[title]);
      await BEFORE[title]?.(scene);

      const answer = await ask(who, method, path, bodyOf(scene), headers);
      const instead = DIFFERENT[title];
      const { status, text } =
        instead === undefined ? scene : { status: 400, text: `400 Bad Request\n\n${instead}` };
      expect(answer).toMatchObject({ status });
      if (text !== undefined && method !== 'HEAD')
        expect(essence(answer.text)).toEqual(essence(translated(text)));
      if (answer.status === 202) await untilImported(image);
    },
  );
});
