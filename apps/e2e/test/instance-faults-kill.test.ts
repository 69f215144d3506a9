import { setTimeout as wait } from 'node:timers/promises';
import { expect, jest, test } from '@jest/globals';
import { startFakeKeystone, startFakeTarget, usePostgres, type FakeTarget } from '@hallmark/testing';
import { House, keystoneConfig, type Resident } from './house.ts';
import { NEUTRON_CONFIG } from './neutron.ts';
import { Orchestrator, projectOf, type Instance } from './orchestrator.ts';

jest.setTimeout(900_000);

const ROUNDS = 50;
/** Boots, builds and their ends take place within this of the first request; a kill falls anywhere into it. */
const LATEST_KILL_MS = 700;
/** Begun, and begun once more after its process was killed. */
const MOST_ASKS = 2;

const postgres = usePostgres();

/** Who is killed, in turn: an instances replica in two rounds of three, so that none is killed while the other starts. */
function* victims(): Generator<readonly (readonly ['gateway' | 'instances', 0 | 1])[], never> {
  for (;;) {
    yield [['instances', 0]];
    yield [['gateway', 0]];
    yield [
      ['instances', 1],
      ['gateway', 1],
    ];
    yield [['gateway', 0]];
  }
}

/** How often a target was asked for each instance. */
function asksOf({ requests }: FakeTarget): Map<string, number> {
  const asks = new Map<string, number>();
  for (const { body } of requests) {
    const { 'instance-id': id } = JSON.parse(body.toString()) as { 'instance-id': string };
    asks.set(id, (asks.get(id) ?? 0) + 1);
  }
  return asks;
}

test(`kill -9 of gateways and instances at random moments of builds, ${ROUNDS} times`, async () => {
  await using keystone = await startFakeKeystone({
    users: [
      { name: 'hallmark', password: 'hallmark-secret', projects: { service: ['service'] } },
      { name: 'alice', password: 'alice-secret', projects: { demo: ['member'] } },
      { name: 'bob', password: 'bob-secret', projects: { doomed: ['member'] } },
    ],
  });
  const [hers, his] = [keystone.issue({ user: 'alice' }), keystone.issue({ user: 'bob' })];
  await using well = await startFakeTarget({ json: { rack: 'r1' }, delayMs: 150 });
  await using refusing = await startFakeTarget({ status: 500, delayMs: 50 });
  await using house = await House.start({
    config: `${keystoneConfig(keystone.url, 'hallmark-secret')}${NEUTRON_CONFIG}
[postgres]
url = ${await postgres.current.createDatabase()}
[api]
vendordata_providers = DynamicJSON
vendordata_dynamic_read_timeout = 30
[identity]
keystone_timeout = 15
[instances]
build_lease = 1
[vendordata_target:well]
url = ${well.url}
failure = fatal
projects = ${await projectOf(keystone.url, hers)}
[vendordata_target:refusing]
url = ${refusing.url}
failure = fatal
projects = ${await projectOf(keystone.url, his)}
breaker_failures = 100000
`,
    replicas: { instances: 2, gateway: 2 },
  });
  const alice = new Orchestrator(house, hers);
  const bob = new Orchestrator(house, his);
  const restarts = new Map<string, Promise<Resident>>();
  const turns = victims();
  const built: Instance[] = [];
  const doomed: Instance[] = [];

  for (let round = 0; round < ROUNDS; round++) {
    const boots = [
      ...Array.from({ length: 3 }, async () =>
        alice.untilBuilt((await alice.boot({ config_drive: true })).id),
      ),
      alice.boot().then(({ id }) => alice.untilBuilt(id)),
    ];
    const refused = bob.boot({ config_drive: true }).then(({ id }) => bob.untilBuilt(id));
    await wait(Math.random() * LATEST_KILL_MS);
    for (const [app, index] of turns.next().value) {
      const name = `${app} ${index}`;
      await restarts.get(name);
      const victim = house.one(app, index);
      victim.program.kill();
      await victim.program.ended;
      restarts.set(name, house.restart(victim));
    }
    // A build that is killed a second time is given up, so each round's are awaited before the next kill.
    built.push(...(await Promise.all(boots)));
    doomed.push(await refused);
  }
  await Promise.all(restarts.values());

  expect([...alice.unexpected, ...bob.unexpected]).toEqual([]);
  // None is lost, none is there twice.
  expect(built).toHaveLength(4 * ROUNDS);
  expect((await alice.list()).sort()).toEqual(built.map(({ id }) => id).sort());
  expect((await bob.list()).sort()).toEqual(doomed.map(({ id }) => id).sort());
  // Each has ended as it had to.
  expect(built.filter(({ status }) => status !== 'ACTIVE')).toEqual([]);
  for (const { status, fault, drive } of doomed) {
    expect({ status, fault, drive }).toMatchObject({
      status: 'ERROR',
      fault: { reason: 'VENDORDATA_TARGET_FAILED' },
      drive: null,
    });
  }
  const drives = built.filter(({ id }) => alice.acknowledged.get(id)?.config_drive === true);
  expect(drives).toHaveLength(3 * ROUNDS);
  for (const { id, drive } of drives) expect(await alice.driveDigest(id)).toBe(drive?.sha256);
  // And its targets were asked for it, once, and once more where the one who asked was killed.
  const [asks, refusals] = [asksOf(well), asksOf(refusing)];
  expect([...asks.keys()].sort()).toEqual(drives.map(({ id }) => id).sort());
  expect([...refusals.keys()].sort()).toEqual(doomed.map(({ id }) => id).sort());
  expect(Math.max(...asks.values(), ...refusals.values())).toBeLessThanOrEqual(MOST_ASKS);
  const repeated = [...asks.values(), ...refusals.values()].filter((count) => count > 1).length;
  // Otherwise no kill has hit a build, and the rounds have shown nothing.
  expect(repeated).toBeGreaterThan(0);
  console.info(`${alice.repeats + bob.repeats} requests repeated, ${repeated} builds begun twice`);
});
