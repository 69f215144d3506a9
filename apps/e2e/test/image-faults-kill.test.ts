import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, jest, test } from '@jest/globals';
import { FakeS3, startFakeKeystone, startFakeTarget, usePostgres, waitFor } from '@hallmark/testing';
import type { FakeTarget } from '@hallmark/testing';
import { Client } from 'pg';
import { House, keystoneConfig, type Resident } from './house.ts';
import { halfSent, ImageOwner, type WantedImage } from './image-owner.ts';

jest.setTimeout(900_000);

const ROUNDS = 50;
/** Longest wait for something that takes a second on a machine with nothing else to do. */
const LIMIT_MS = 90_000;
/** A removal whose process was killed is due again after two minutes. */
const REMOVAL_LIMIT_MS = 200_000;
/** Other images come in when the kill comes, each at a moment of its own. */
const SPREAD_MS = 150;
const MARK = { hallmark_origin: 'import-gw' };

const postgres = usePostgres();

/** What the rounds are played with. */
interface Stage {
  readonly house: House;
  readonly alice: ImageOwner;
  readonly olga: ImageOwner;
  /** The gateway that the image of this round comes in by. */
  readonly gateway: number;
  readonly s3: FakeS3;
  readonly mirror: FakeTarget;
  readonly staging: string;
  readonly fast: string;
  readonly database: string;
}

/** An image in the middle of something. */
interface Reached {
  readonly image: WantedImage;
  /** The processes of images that are at it. */
  readonly at: readonly Resident[];
  /** Takes away what it was stopped by, after the kill. */
  readonly goOn: () => Promise<void> | void;
  /** What its client waits for. */
  readonly asked?: Promise<unknown>;
  /** How it has to end. Default: active. */
  readonly end?: () => Promise<unknown>;
}

/**
 * The row of an image, locked, so that whoever is to write it next waits at that step: each step of an image is one
 * transaction that locks the row first.
 */
class RowHold {
  readonly #client: Client;
  readonly #looking: Client;

  private constructor(client: Client, looking: Client) {
    this.#client = client;
    this.#looking = looking;
  }

  static async take(database: string, imageId: string): Promise<RowHold> {
    const [client, looking] = [database, database].map(
      (connectionString) => new Client({ connectionString }),
    );
    if (!client || !looking) throw new Error('There are two.');
    await Promise.all([client.connect(), looking.connect()]);
    await client.query('BEGIN');
    await client.query('SELECT 1 FROM images.images WHERE id = $1 FOR UPDATE', [imageId]);
    return new RowHold(client, looking);
  }

  /** The process that waits for the row, by the name under which it is connected. */
  async waiter(house: House): Promise<Resident> {
    const { rows: own } = await this.#client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    return await waitFor(
      'somebody to wait for the row',
      async () => {
        const { rows } = await this.#looking.query<{ name: string }>(
          'SELECT application_name AS name FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid))',
          [own[0]?.pid],
        );
        return house.all('images').find((_, index) => rows.some(({ name }) => name === nameOf(index)));
      },
      LIMIT_MS,
    );
  }

  async release(): Promise<void> {
    await this.#client.end();
    await this.#looking.end();
  }
}

/** Under which a replica of images is known to PostgreSQL. */
const nameOf = (index: number): string => `images-${index}`;

/** The replica that has a file of this image open. */
async function holderOf(house: House, directory: string, imageId: string): Promise<Resident> {
  return await waitFor(
    `a file of image ${imageId} to be open`,
    async () => {
      for (const resident of house.all('images')) {
        const folder = `/proc/${resident.program.pid}/fd`;
        for (const fd of await readdir(folder).catch(() => [])) {
          const path = await readlink(join(folder, fd)).catch(() => '');
          if (path.startsWith(join(directory, imageId))) return resident;
        }
      }
      return undefined;
    },
    LIMIT_MS,
  );
}

const newContent = (): Buffer => randomBytes(100_000 + Math.floor(Math.random() * 1_000_000));

/** Data under way to the directory where this door puts it. */
async function underWay(stage: Stage, door: 'file' | 'glance-direct') {
  const { alice, gateway, house, staging, fast } = stage;
  const image = await alice.create({ content: newContent(), door });
  const { body, rest } = halfSent(image);
  const asked = alice.send(image, { gateway, body });
  const holder = await holderOf(house, door === 'file' ? fast : staging, image.id);
  return { image, asked, rest, at: [holder] };
}

/** All of the data has come, and nobody has written that down yet. */
async function beforeWritten(stage: Stage, door: 'file' | 'glance-direct'): Promise<Reached> {
  const { image, asked, rest } = await underWay(stage, door);
  const hold = await RowHold.take(stage.database, image.id);
  rest();
  return { image, asked, at: [await hold.waiter(stage.house)], goOn: () => hold.release() };
}

async function staged({ alice, gateway }: Stage, stores?: readonly string[]): Promise<WantedImage> {
  const image = await alice.create({ content: newContent(), door: 'glance-direct', stores });
  expect(await alice.send(image, { gateway })).toBe(true);
  return image;
}

/** An import that is in the middle of its second store. */
async function copying(stage: Stage): Promise<WantedImage> {
  const { alice, gateway, s3 } = stage;
  const image = await staged(stage, ['fast', 'bucket']);
  s3.fail(/^PUT object/, 'stall');
  expect(await alice.import(image, { gateway })).toBe(true);
  await untilAsked(s3, image);
  return image;
}

const untilAsked = async (s3: FakeS3, { id }: WantedImage): Promise<unknown> =>
  await waitFor('the bucket to be asked', () => s3.requests.some(({ key }) => key.startsWith(id)), LIMIT_MS);

async function fetching(stage: Stage, content: Buffer): Promise<{ image: WantedImage; at: Resident[] }> {
  const { alice, gateway, house, mirror, fast } = stage;
  const image = await alice.create({ content, door: 'web-download', uri: `${mirror.url}disk.raw` });
  expect(await alice.import(image, { gateway })).toBe(true);
  return { image, at: [await holderOf(house, fast, image.id)] };
}

/** Where in the life of an image a process is killed. */
const MOMENTS: Readonly<Record<string, (stage: Stage) => Promise<Reached>>> = {
  'while data is staged': async (stage) => {
    const { rest, ...reached } = await underWay(stage, 'glance-direct');
    return { ...reached, goOn: rest };
  },
  'as staged data is written down': (stage) => beforeWritten(stage, 'glance-direct'),
  'when data is staged': async (stage) => ({
    image: await staged(stage),
    at: [stage.house.one('images', stage.gateway)],
    goOn: () => undefined,
  }),
  'as an import is asked for': async (stage) => {
    const image = await staged(stage);
    const hold = await RowHold.take(stage.database, image.id);
    const asked = stage.alice.import(image, stage);
    return { image, asked, at: [await hold.waiter(stage.house)], goOn: () => hold.release() };
  },
  'when an import is accepted': async (stage) => {
    const image = await staged(stage);
    expect(await stage.alice.import(image, stage)).toBe(true);
    return { image, at: [stage.house.one('images', stage.gateway)], goOn: () => undefined };
  },
  'while an import copies to its stores': async (stage) => ({
    image: await copying(stage),
    at: stage.house.all('images'),
    goOn: () => stage.s3.heal(),
  }),
  'as an import is activated': async (stage) => {
    const image = await copying(stage);
    const hold = await RowHold.take(stage.database, image.id);
    stage.s3.heal();
    return { image, at: [await hold.waiter(stage.house)], goOn: () => hold.release() };
  },
  'while an image is fetched': async (stage) => {
    const content = newContent();
    stage.mirror.answerNext({ body: content.subarray(0, 50_000), fault: 'hang-in-body' });
    stage.mirror.answer({ body: content });
    return { ...(await fetching(stage, content)), goOn: () => undefined };
  },
  'as an image that was fetched is activated': async (stage) => {
    const content = randomBytes(30);
    stage.mirror.answer({ body: content, fault: 'slow-drip', dripMs: 20 });
    const { image } = await fetching(stage, content);
    const hold = await RowHold.take(stage.database, image.id);
    const at = [await hold.waiter(stage.house)];
    stage.mirror.answer({ body: content });
    return { image, at, goOn: () => hold.release() };
  },
  'while a file is sent': async (stage) => {
    const { rest, ...reached } = await underWay(stage, 'file');
    return { ...reached, goOn: rest };
  },
  'as a file is activated': (stage) => beforeWritten(stage, 'file'),
  'while a copy is made': async (stage) => {
    const { alice, olga, gateway, s3, house } = stage;
    const image = await alice.create({ content: newContent(), door: 'file' });
    await alice.untilActive(image);
    s3.fail(/^PUT object/, 'stall');
    expect(await olga.copy(image, ['bucket'], gateway)).toBe(true);
    await untilAsked(s3, image);
    return {
      image,
      at: house.all('images'),
      goOn: () => s3.heal(),
      end: () => olga.untilCopied(image, 'bucket'),
    };
  },
};

test(`kill -9 of gateways and images at each step of stage and import, ${ROUNDS} times`, async () => {
  await using opened = new AsyncDisposableStack();
  const keystone = opened.use(
    await startFakeKeystone({
      users: [
        { name: 'hallmark', password: 'hallmark-secret', projects: { service: ['service'] } },
        { name: 'alice', password: 'alice-secret', projects: { demo: ['member', 'reader'] } },
        { name: 'olga', password: 'olga-secret', projects: { operators: ['admin', 'member', 'reader'] } },
      ],
    }),
  );
  const s3 = opened.use(await FakeS3.start());
  const mirror = opened.use(await startFakeTarget({}));
  const crowdContent = randomBytes(200_000);
  const crowdMirror = opened.use(await startFakeTarget({ body: crowdContent, delayMs: 50 }));
  const folder = await mkdtemp(join(tmpdir(), 'hallmark-image-faults-'));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const [staging, fast] = [join(folder, 'staging'), join(folder, 'fast')];
  const database = await postgres.current.createDatabase();
  const house = opened.use(
    await House.start({
      config: `${keystoneConfig(keystone.url, 'hallmark-secret')}
[DEFAULT]
enabled_backends = fast:file, bucket:s3
[glance_store]
default_backend = fast
[fast]
filesystem_store_datadir = ${fast}
[bucket]
s3_store_host = ${s3.url}
s3_store_access_key = ${FakeS3.accessKey}
s3_store_secret_key = ${FakeS3.secretKey}
s3_store_bucket = images
[os_glance_staging_store]
filesystem_store_datadir = ${staging}
[identity]
keystone_timeout = 15
[images]
import_lease = 1
download_allowed_networks = 127.0.0.0/8
download_read_timeout = 2
[import_filtering_opts]
allowed_ports = []
[inject_metadata_properties]
inject = ${JSON.stringify(MARK)}
`,
      configOf: (app, index) =>
        app === 'images' ? `[postgres]\nurl = ${database}?application_name=${nameOf(index)}\n` : '',
      replicas: { images: 2, gateway: 2 },
    }),
  );
  const alice = new ImageOwner(house, keystone.issue({ user: 'alice' }));
  const olga = new ImageOwner(house, keystone.issue({ user: 'olga' }));
  const moments = Object.entries(MOMENTS);
  const kills: string[] = [];

  /** Images that come in at the same time, by each door. */
  const crowd = (): Promise<unknown>[] => {
    const wishes: Omit<WantedImage, 'id'>[] = [
      { content: newContent(), door: 'file' },
      { content: newContent(), door: 'glance-direct' },
      { content: crowdContent, door: 'web-download', uri: `${crowdMirror.url}disk.raw` },
    ];
    return wishes.map(async (wish) => alice.untilActive(await alice.create(wish)));
  };

  for (let round = 0; round < ROUNDS; round++) {
    const [name, reach] = moments[round % moments.length] ?? [];
    if (!name || !reach) throw new Error('There is a moment for each round.');
    const gateway = Math.floor(round / 2) % 2;
    const stage = { house, alice, olga, gateway, s3, mirror, staging, fast, database };
    const { image, at, goOn, asked, end } = await reach(stage);
    const others = crowd();
    await wait(Math.random() * SPREAD_MS);
    // In one pass through the moments images, in the next the gateway.
    const isGateways = Math.floor(round / moments.length) % 2 === round % 2;
    const victims = isGateways ? [house.one('gateway', gateway)] : [...at];
    kills.push(`${name}: ${victims.map(({ app }) => app).join(', ')}`);
    for (const { program } of victims) program.kill();
    await Promise.all(victims.map(({ program }) => program.ended));
    const restarted = victims.map((victim) => house.restart(victim));
    await goOn();
    await Promise.all([
      ...restarted,
      ...others,
      (asked ?? Promise.resolve()).then(() => (end ? end() : alice.untilActive(image))),
    ]);
  }

  expect([...alice.unexpected, ...olga.unexpected]).toEqual([]);
  // Each moment was one at which images were killed, and one at which the gateway was.
  expect(new Set(kills).size).toBe(2 * moments.length);
  // None is lost, none is there that nobody wants, and each has the bytes that were sent and, if imported, the mark.
  expect((await alice.list()).sort()).toEqual([...alice.accepted.keys()].sort());
  expect(alice.accepted.size).toBe(4 * ROUNDS);
  const copies = { fast: 0, bucket: 0 };
  for (const image of alice.accepted.values()) {
    const { hallmark_origin: mark, os_glance_import_task: task, stores } = await alice.untilActive(image);
    expect({ mark, task }).toEqual({
      mark: image.door === 'file' ? undefined : MARK.hallmark_origin,
      task: undefined,
    });
    for (const store of stores?.split(',') ?? []) copies[store as keyof typeof copies] += 1;
  }
  const statuses = new Set((await olga.tasks()).map(({ status }) => status));
  expect(statuses).not.toContain('pending');
  expect(statuses).not.toContain('processing');
  // Nothing is left of what was begun in vain.
  await waitFor(
    'stores with nothing but the images',
    async () => {
      const [left, files] = [await readdir(staging), await readdir(fast)];
      return (
        left.length === 0 &&
        files.length === copies.fast &&
        s3.objects.size === copies.bucket &&
        s3.openUploads === 0
      );
    },
    REMOVAL_LIMIT_MS,
  );
  // Otherwise no kill has hit what it was meant for, and the rounds have shown nothing.
  const said = (await house.logLines('images')).map(({ msg }) => msg);
  const takenUp = said.filter((line) => line === 'the process that imported an image ended; taken up').length;
  const requeued = said.filter((line) => line === 'images whose sender had died are queued again').length;
  expect(takenUp).toBeGreaterThan(0);
  expect(requeued).toBeGreaterThan(0);
  console.info(`${alice.repeats} steps repeated, ${takenUp} imports taken up, ${requeued} sweeps requeued`);
});
