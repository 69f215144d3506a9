import { expect, jest, test } from '@jest/globals';
import { startFakeKeystone, startFakeTarget, usePostgres, waitFor } from '@hallmark/testing';
import { House, type Answer } from './house.ts';
import { onLanes, type Step } from './lanes.ts';
import { bootConfig, guestReads, Orchestrator, type Instance } from './orchestrator.ts';

jest.setTimeout(300_000);

const VENDOR_DATA2 = '/openstack/latest/vendor_data2.json';
const PATHS = ['/openstack/latest/meta_data.json', VENDOR_DATA2, '/latest/meta-data/instance-id'];
const LIMIT_MS = 90_000;
/** A request that a gateway which ends has not taken. The load balancer makes it again at another. */
const NOT_TAKEN = new Set(['ECONNREFUSED', 'ECONNRESET', 'UND_ERR_SOCKET']);

const postgres = usePostgres();

test('SIGTERM of instances and gateways under load: no request fails that was taken', async () => {
  await using keystone = await startFakeKeystone();
  await using target = await startFakeTarget({ json: { otp: 'once' }, delayMs: 200 });
  await using house = await House.start({
    config: bootConfig({
      keystone,
      postgresUrl: await postgres.current.createDatabase(),
      targetUrl: target.url,
    }),
    replicas: { instances: 2, gateway: 2 },
  });
  const alice = new Orchestrator(house, keystone.issue({ user: 'alice' }));
  const guests = await Promise.all(Array.from({ length: 4 }, async () => alice.boot()));
  const booted: string[] = [];
  const failures: string[] = [];
  let [reads, turns] = [0, 0];

  /** As a load balancer of two gateways, of which one is there always. */
  const balanced = async (instance: Instance, path: string): Promise<Answer> => {
    const gateway = turns++ % 2;
    try {
      return await guestReads(house, instance, path, gateway);
    } catch (thrown) {
      // Node's own errors are no instances of the Error that jest gives to tests.
      if (!NOT_TAKEN.has(String((thrown as NodeJS.ErrnoException).code))) throw thrown;
      return await guestReads(house, instance, path, 1 - gateway);
    }
  };
  const lanes: readonly Step[] = [
    ...guests.map((instance, index): Step => async (turn) => {
      const path = PATHS[(turn + index) % PATHS.length] ?? VENDOR_DATA2;
      const answer = await balanced(instance, path);
      reads += 1;
      if (answer.status !== 200) failures.push(`${path}: ${answer.status} ${answer.text}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }),
    ...[true, true, false].map((config_drive): Step => async () => {
      const { id } = await alice.boot({ config_drive });
      await alice.setMetadata(id, { seen: 'yes' });
      booted.push(id);
    }),
  ];
  await onLanes(lanes, async () => {
    for (const app of ['instances', 'gateway'] as const) {
      for (const index of [0, 1]) {
        const [before, beforeReads] = [booted.length, reads];
        await waitFor(
          'boots and reads',
          () => booted.length > before + 2 && reads > beforeReads + 20,
          LIMIT_MS,
        );
        const resident = house.one(app, index);
        resident.program.signal('SIGTERM');
        expect(await resident.program.ended).toEqual({ code: 0, signal: null });
        await house.restart(resident);
      }
    }
  });

  expect(failures).toEqual([]);
  expect(alice.unexpected).toEqual([]);
  expect(alice.refusals).toEqual([]);
  expect((await alice.list()).sort()).toEqual([...booted, ...guests.map(({ id }) => id)].sort());
  for (const id of booted) {
    const built = await alice.untilBuilt(id, LIMIT_MS);
    expect(built).toMatchObject({ status: 'ACTIVE', fault: null, metadata: { seen: 'yes' } });
  }
});
