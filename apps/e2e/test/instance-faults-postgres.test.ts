import { expect, jest, test } from '@jest/globals';
import {
  describeWithDocker,
  PostgresServer,
  startFakeKeystone,
  startFakeTarget,
  waitFor,
} from '@hallmark/testing';
import { House, type Answer } from './house.ts';
import { onLanes, type Step } from './lanes.ts';
import { bootConfig, guestReads, Orchestrator, type Instance } from './orchestrator.ts';

jest.setTimeout(400_000);

const META_DATA = '/openstack/latest/meta_data.json';
/** What a guest whose data was read before reads all the time. */
const WARM_PATHS = [META_DATA, '/openstack/latest/network_data.json', '/latest/meta-data/instance-id'];
const WARM = 4;
/** Longest wait for something that takes a second on a machine with nothing else to do. */
const LIMIT_MS = 90_000;

interface Traffic {
  /** What warm guests were answered, other than with 200. */
  readonly warmFailures: string[];
  /** What cold guests were answered, by status. */
  readonly cold: Map<number, number>;
  /** Answers with 503 that do not say when to come back. */
  readonly speechless: string[];
  /** The metadata that was acknowledged last, by instance. */
  readonly acknowledged: Map<string, Record<string, string>>;
  readonly booted: Instance[];
  warmReads: number;
}

/** Boots, reads and changes for as long as `meanwhile` runs. */
async function underTraffic(
  house: House,
  alice: Orchestrator,
  instances: {
    readonly warm: readonly Instance[];
    readonly cold: readonly Instance[];
    readonly changed: readonly Instance[];
  },
  meanwhile: (traffic: Traffic) => Promise<void>,
): Promise<Traffic> {
  const traffic: Traffic = {
    warmFailures: [],
    cold: new Map(),
    speechless: [],
    acknowledged: new Map(),
    booted: [],
    warmReads: 0,
  };
  const note = (path: string, { status, headers }: Answer): void => {
    if (status === 503 && headers['retry-after'] === undefined) traffic.speechless.push(path);
  };
  const lanes: readonly Step[] = [
    ...instances.warm.map((instance): Step => async (turn) => {
      const path = WARM_PATHS[turn % WARM_PATHS.length] ?? META_DATA;
      const answer = await guestReads(house, instance, path);
      note(path, answer);
      traffic.warmReads += 1;
      if (answer.status !== 200) traffic.warmFailures.push(`${path}: ${answer.status} ${answer.text}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }),
    ...instances.changed.map((instance): Step => async (turn) => {
      const metadata = { turn: String(turn) };
      await alice.setMetadata(instance.id, metadata);
      traffic.acknowledged.set(instance.id, metadata);
    }),
    ...[true, false].map(
      (config_drive): Step =>
        async () =>
          traffic.booted.push(await alice.boot({ config_drive })),
    ),
    async (turn) => {
      const instance = instances.cold[turn % instances.cold.length];
      if (!instance) throw new Error('There is no cold instance.');
      const answer = await guestReads(house, instance, META_DATA, 1);
      note('cold', answer);
      traffic.cold.set(answer.status, (traffic.cold.get(answer.status) ?? 0) + 1);
      // Slowly: whoever was read once is known, and some must be left when the server has ended.
      await new Promise((resolve) => setTimeout(resolve, 200));
    },
  ];
  await onLanes(lanes, async () => meanwhile(traffic));
  return traffic;
}

describeWithDocker('PostgreSQL under a running constellation', () => {
  test.each([
    ['restarted in order', async (server: PostgresServer) => server.container.stop()],
    ['killed', async (server: PostgresServer) => server.container.kill()],
  ])('%s under load: nothing acknowledged is lost, and known guests notice nothing', async (_how, end) => {
    await using keystone = await startFakeKeystone();
    await using target = await startFakeTarget({ json: { otp: 'once' }, delayMs: 100 });
    await using postgres = await PostgresServer.start();
    await using house = await House.start({
      config: bootConfig({ keystone, postgresUrl: postgres.url, targetUrl: target.url }),
      replicas: { instances: 2, gateway: 2 },
    });
    const alice = new Orchestrator(house, keystone.issue({ user: 'alice' }));
    const boots = async (count: number): Promise<Instance[]> =>
      Promise.all(Array.from({ length: count }, async () => alice.boot()));
    const [warm, cold, changed] = [await boots(WARM), await boots(200), await boots(2)];
    for (const instance of warm) {
      for (const path of WARM_PATHS) expect((await guestReads(house, instance, path)).status).toBe(200);
    }

    const down = async (): Promise<boolean> => {
      const [first, second] = house
        .all('instances')
        .map(({ opsPort }) => `http://127.0.0.1:${opsPort}/readyz`);
      const answers = [await fetch(String(first)), await fetch(String(second))];
      return answers.every(({ status }) => status === 503);
    };
    const traffic = await underTraffic(house, alice, { warm, cold, changed }, async (seen) => {
      await waitFor('some boots', () => seen.booted.length > 5, LIMIT_MS);
      await end(postgres);
      await waitFor('both replicas to notice', down, LIMIT_MS);
      const [reads, refusals] = [seen.warmReads, seen.cold.get(503) ?? 0];
      await waitFor('reads while it is down', () => seen.warmReads > reads + 100, LIMIT_MS);
      await waitFor('refusals while it is down', () => (seen.cold.get(503) ?? 0) > refusals + 3, LIMIT_MS);
      await postgres.container.start();
      const booted = seen.booted.length;
      await waitFor('boots again', () => seen.booted.length > booted + 5, LIMIT_MS);
    });

    expect(traffic.warmFailures).toEqual([]);
    expect([...traffic.cold.keys()].sort()).toEqual([200, 503]);
    expect(traffic.speechless).toEqual([]);
    expect(alice.unexpected).toEqual([]);
    // Nothing that was acknowledged is lost, and nothing is there that nobody knows of.
    expect((await alice.list()).sort()).toEqual([...alice.acknowledged.keys()].sort());
    for (const { id } of traffic.booted) {
      const built = await alice.untilBuilt(id, LIMIT_MS);
      expect(built).toMatchObject({ status: 'ACTIVE', fault: null });
      if (built.drive) expect(await alice.driveDigest(id)).toBe(built.drive.sha256);
    }
    for (const instance of changed) {
      const metadata = traffic.acknowledged.get(instance.id);
      expect(metadata).toBeDefined();
      expect((await alice.show(instance.id)).metadata).toEqual(metadata);
      // Guests see the newest at every gateway, as before.
      for (const gateway of [0, 1]) {
        await waitFor(
          'the guest to see what was changed',
          async () => {
            const { text } = await guestReads(house, instance, META_DATA, gateway);
            return (JSON.parse(text) as { meta?: { turn?: string } }).meta?.turn === metadata?.['turn'];
          },
          LIMIT_MS,
        );
      }
    }
  });
});
