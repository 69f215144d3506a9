import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, jest, test } from '@jest/globals';
import { startFakeKeystone, startFakeTarget, usePostgres, waitFor } from '@hallmark/testing';
import { House, keystoneConfig } from './house.ts';
import { halfSent, ImageOwner, type WantedImage } from './image-owner.ts';
import { onLanes, type Step } from './lanes.ts';

jest.setTimeout(400_000);

/** Longest wait for something that takes a second on a machine with nothing else to do. */
const LIMIT_MS = 90_000;
const DOORS = ['file', 'glance-direct', 'web-download'] as const;

const postgres = usePostgres();

test.each(['restart', 'kill'] as const)('PostgreSQL under image load, %s: no image is lost', async (how) => {
  await using opened = new AsyncDisposableStack();
  const keystone = opened.use(await startFakeKeystone());
  const fetched = randomBytes(300_000);
  const mirror = opened.use(await startFakeTarget({ body: fetched, delayMs: 100 }));
  const folder = await mkdtemp(join(tmpdir(), 'hallmark-image-faults-'));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const house = opened.use(
    await House.start({
      config: `${keystoneConfig(keystone.url, 'hallmark-secret')}
[glance_store]
filesystem_store_datadir = ${folder}/store
[os_glance_staging_store]
filesystem_store_datadir = ${folder}/staging
[postgres]
url = ${await postgres.current.createDatabase()}
[images]
import_lease = 1
download_allowed_networks = 127.0.0.0/8
[import_filtering_opts]
allowed_ports = []
`,
      replicas: { images: 2 },
    }),
  );
  const token = keystone.issue({ user: 'alice', roles: ['member', 'reader'] });
  const alice = new ImageOwner(house, token);
  const active: WantedImage[] = [];
  const lanes = [...DOORS, ...DOORS].map((door): Step => async () => {
    const content = door === 'web-download' ? fetched : randomBytes(300_000);
    const image = await alice.create({ content, door, uri: `${mirror.url}disk.raw` });
    await alice.untilActive(image);
    active.push(image);
  });
  const untilMore = async (count: number): Promise<void> => {
    const before = active.length;
    await waitFor('more images', () => active.length >= before + count, LIMIT_MS);
  };

  await onLanes(lanes, async () => {
    await untilMore(6);
    // The end of these can be written down by nobody, nor that they have failed.
    const halves = await Promise.all(
      (['file', 'glance-direct'] as const).map(async (door) => {
        const image = await alice.create({ content: randomBytes(300_000), door });
        const { body, rest } = halfSent(image);
        const sent = alice.send(image, { body });
        const status = door === 'file' ? 'saving' : 'uploading';
        await waitFor(
          'its data to come',
          async () => (await alice.show(image.id)).status === status,
          LIMIT_MS,
        );
        return { sent, rest };
      }),
    );
    if (how === 'kill') await postgres.current.kill();
    else await postgres.current.stop();
    const repeats = alice.repeats;
    await waitFor('requests that fail', () => alice.repeats > repeats + 6, LIMIT_MS);
    for (const { rest } of halves) rest();
    expect(await Promise.all(halves.map(({ sent }) => sent))).toEqual([false, false]);
    await postgres.current.start();
    await untilMore(12);
  });

  expect(alice.unexpected).toEqual([]);
  expect((await alice.list()).sort()).toEqual([...alice.accepted.keys()].sort());
  for (const image of alice.accepted.values()) await alice.untilActive(image);
  await waitFor(
    'stores with nothing but the images',
    async () =>
      (await readdir(join(folder, 'store'))).length === alice.accepted.size &&
      (await readdir(join(folder, 'staging'))).length === 0,
    LIMIT_MS,
  );
});
