import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Client } from 'pg';
import { images } from '@hallmark/contracts';
import { createRpcClient, DataClient, type RpcClient } from '@hallmark/rpc';
import { newRequestId, Registry } from '@hallmark/runtime';
import { freePorts, startFakeTarget, usePostgres, waitFor, type FakeTarget } from '@hallmark/testing';
import { BARE_RAW, digest, pieces } from './bytes-house.ts';
import { admin, alice, bytes, call, parsed, type Json } from './house.ts';

// Processes that are killed while bytes flow: no image is lost, none is active with wrong bytes, none is stuck.

jest.setTimeout(240_000); // up to three processes, one after the other

const MAIN = join(import.meta.dirname, '../src/main.ts');
const INJECT = { hallmark_origin: 'import-gw' };

const pg = usePostgres();
let opened: AsyncDisposableStack;
let mirror: FakeTarget;
let folder: string;
let database: string;

beforeEach(async () => {
  opened = new AsyncDisposableStack();
  mirror = opened.use(await startFakeTarget({}));
  folder = await mkdtemp(join(tmpdir(), 'hallmark-crash-'));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  database = await pg.current.createDatabase();
});
afterEach(() => opened.disposeAsync());

interface Replica {
  readonly client: RpcClient<typeof images.ImagesServiceService>;
  readonly data: DataClient;
  kill(): Promise<void>;
  /** Asks it to end, as an operator does. */
  stop(): Promise<void>;
}

/** The service as it is started in earnest, in a process of its own, with the directories of the others. */
async function startReplica(): Promise<Replica> {
  const [rpc = 0, data = 0, ops = 0] = await freePorts(3);
  const file = join(folder, `${rpc}.conf`);
  await writeFile(
    file,
    `[images]\nlisten = 127.0.0.1:${rpc}\ndata_listen = 127.0.0.1:${data}\nops_listen = 127.0.0.1:${ops}\n` +
      `import_lease = 1\ndownload_allowed_networks = 127.0.0.0/8\n[postgres]\nurl = ${database}\n` +
      `[import_filtering_opts]\nallowed_ports = []\n` +
      `[glance_store]\nfilesystem_store_datadir = ${join(folder, 'store')}\n` +
      `[os_glance_staging_store]\nfilesystem_store_datadir = ${join(folder, 'staging')}\n` +
      `[inject_metadata_properties]\ninject = ${JSON.stringify(INJECT)}\n`,
  );
  const child = spawn(process.execPath, ['--conditions=@hallmark/source', MAIN, '--config-file', file], {
    stdio: 'ignore',
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (isEnded(child)) return;
    child.kill(signal);
    await once(child, 'exit');
  };
  const kill = (): Promise<void> => end('SIGKILL');
  opened.defer(kill);
  const client = opened.use(
    createRpcClient(images.ImagesServiceService, {
      name: 'images',
      endpoints: [`127.0.0.1:${rpc}`],
      registry: new Registry(),
    }),
  );
  const bytesClient = opened.use(new DataClient({ name: 'images', endpoints: [`127.0.0.1:${data}`] }));
  const ready = async (): Promise<boolean> => (await fetch(`http://127.0.0.1:${ops}/readyz`)).ok;
  await waitFor('the replica to be ready', ready, 60_000);
  return { client, data: bytesClient, kill, stop: () => end('SIGTERM') };
}

const isEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

async function create({ client }: Replica): Promise<string> {
  const { image } = await client.createImage({ caller: alice, body: bytes(BARE_RAW) }, call());
  return image?.id ?? '';
}

async function show({ client }: Replica, id: string): Promise<Json> {
  const { image } = await client.getImage({ caller: alice, id }, call());
  return parsed(image?.json ?? Buffer.from('{}'));
}

async function send(
  { client, data }: Replica,
  kind: 'uploads' | 'stages',
  id: string,
  body: AsyncIterable<Uint8Array>,
): Promise<void> {
  const contentType = 'application/octet-stream';
  const { ticket } =
    kind === 'uploads'
      ? await client.prepareUpload({ caller: alice, id, contentType, storeId: '', declaredSize: '' }, call())
      : await client.prepareStage({ caller: alice, id, contentType }, call());
  const answer = await data.put({ kind, ticket }, body, { requestId: newRequestId() });
  answer.body.resume();
}

async function download({ client, data }: Replica, id: string): Promise<Buffer> {
  const { ticket } = await client.prepareDownload({ caller: alice, id, range: '', prefer: '' }, call());
  const answer = await data.get({ kind: 'downloads', ticket }, { requestId: newRequestId() });
  const received: Buffer[] = [];
  for await (const piece of answer.body as AsyncIterable<Buffer>) received.push(piece);
  return Buffer.concat(received);
}

async function startImport({ client }: Replica, id: string, method: Json): Promise<string> {
  return (await client.importImage({ caller: alice, id, body: bytes({ method }), storeId: '' }, call()))
    .taskId;
}

async function taskEnd({ client }: Replica, id: string): Promise<images.Task> {
  return await waitFor(
    'the task to end',
    async () => {
      const { task } = await client.getTask({ caller: admin, id }, call());
      return (task?.status === 'success' || task?.status === 'failure') && task;
    },
    60_000,
  );
}

const untilStatus = async (replica: Replica, id: string, status: string): Promise<unknown> =>
  await waitFor(
    `the image to be ${status}`,
    async () => (await show(replica, id))['status'] === status,
    60_000,
  );

const untilFiles = async (directory: 'store' | 'staging', count: number): Promise<unknown> =>
  await waitFor(
    `${count} files in ${directory}`,
    async () => (await readdir(join(folder, directory)).catch(() => [])).length === count,
    60_000,
  );

const content = randomBytes(3_000_000);

/** Data that stops in its middle for ever. */
async function* stuck(): AsyncGenerator<Uint8Array, void> {
  yield* pieces(content.subarray(0, 2_000_000));
  await new Promise(() => undefined);
}

test('a process that is asked to end hands its import back', async () => {
  const first = await startReplica();
  const id = await create(first);
  mirror.answer({ body: content, fault: 'hang-in-body' });
  const task = await startImport(first, id, { name: 'web-download', uri: `${mirror.url}disk.raw` });
  await waitFor('the mirror to be asked', () => mirror.requests.length === 1, 60_000);
  mirror.answer({ body: content });
  await first.stop();
  await untilFiles('store', 0);
  expect(await sql('SELECT status, attempt, lease_owner FROM tasks')).toEqual([
    { status: 'processing', attempt: 0, lease_owner: null },
  ]);

  const second = await startReplica();
  expect(await taskEnd(second, task)).toMatchObject({ status: 'success' });
  expect((await download(second, id)).equals(content)).toBe(true);
});

describe('a process that is killed', () => {
  test('while data comes, leaves the image queued and nothing behind', async () => {
    const first = await startReplica();
    const [uploaded, staged] = [await create(first), await create(first)];
    const broken = [send(first, 'uploads', uploaded, stuck()), send(first, 'stages', staged, stuck())];
    const ends = Promise.allSettled(broken);
    await untilFiles('store', 1);
    await untilFiles('staging', 1);
    await first.kill();
    await ends;

    const second = await startReplica();
    for (const id of [uploaded, staged]) await untilStatus(second, id, 'queued');
    await untilFiles('store', 0);
    await untilFiles('staging', 0);
    await send(second, 'uploads', uploaded, pieces(content));
    await send(second, 'stages', staged, pieces(content));
    expect((await download(second, uploaded)).equals(content)).toBe(true);
  });

  test('while it imports, has its import taken up', async () => {
    const first = await startReplica();
    const id = await create(first);
    mirror.answer({ body: content, fault: 'hang-in-body' });
    const task = await startImport(first, id, { name: 'web-download', uri: `${mirror.url}disk.raw` });
    await waitFor('the mirror to be asked', () => mirror.requests.length === 1, 60_000);
    await untilFiles('store', 1);
    const second = await startReplica();
    await first.kill();
    mirror.answer({ body: content });

    expect(await taskEnd(second, task)).toMatchObject({ status: 'success' });
    expect(await show(second, id)).toMatchObject({
      status: 'active',
      checksum: digest('md5', content),
      ...INJECT,
    });
    expect((await download(second, id)).equals(content)).toBe(true);
    await untilFiles('store', 1);
  });

  test('again and again while it imports, ends as a failure that can be tried again', async () => {
    const first = await startReplica();
    const id = await create(first);
    await send(first, 'stages', id, pieces(content));
    await first.kill();
    // As three processes that died would have left it.
    await sql(
      `INSERT INTO tasks (id, image_id, status, owner, user_id, request_id, input, caller, attempt)
       VALUES (gen_random_uuid(), $1, 'processing', $2, 'alice', 'req-1', $3, $4, 3)`,
      [
        id,
        alice.projectId,
        JSON.stringify({ image_id: id, import_req: { method: { name: 'glance-direct' } }, backend: [null] }),
        JSON.stringify(alice),
      ],
    );
    await sql(`UPDATE images SET status = 'importing' WHERE id = $1`, [id]);

    const second = await startReplica();
    await untilStatus(second, id, 'uploading');
    const task = await startImport(second, id, { name: 'glance-direct' });
    expect(await taskEnd(second, task)).toMatchObject({ status: 'success' });
    expect((await download(second, id)).equals(content)).toBe(true);
    const rows = await sql(`SELECT reason FROM tasks WHERE status = 'failure'`);
    expect(rows).toEqual([{ reason: 'WORKER_DIED' }]);
    await untilFiles('staging', 0);
  });
});

async function sql(text: string, values: readonly unknown[] = []): Promise<Json[]> {
  const client = new Client({ connectionString: database, options: '-c search_path=images' });
  await client.connect();
  try {
    return (await client.query<Json>(text, [...values])).rows;
  } finally {
    await client.end();
  }
}
