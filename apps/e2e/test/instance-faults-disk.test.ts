import { randomBytes, randomUUID } from 'node:crypto';
import { expect, jest, test } from '@jest/globals';
import {
  describeWithDocker,
  PostgresServer,
  startFakeKeystone,
  startFakeTarget,
  waitFor,
} from '@hallmark/testing';
import { House, type Answer } from './house.ts';
import { bootConfig, guestReads, Orchestrator, type Instance } from './orchestrator.ts';

jest.setTimeout(400_000);

const META_DATA = '/openstack/latest/meta_data.json';
/** Longest wait for something that takes a second on a machine with nothing else to do. */
const LIMIT_MS = 90_000;

describeWithDocker('PostgreSQL with its disk full', () => {
  test('boots get 503, builds wait, guests are answered, and then all goes on', async () => {
    await using keystone = await startFakeKeystone();
    await using target = await startFakeTarget({ json: { otp: 'once' }, delayMs: 3_000 });
    await using postgres = await PostgresServer.start({ diskMiB: 160 });
    await using house = await House.start({
      config: bootConfig({ keystone, postgresUrl: postgres.url, targetUrl: target.url }),
      replicas: { instances: 2 },
    });
    const token = keystone.issue({ user: 'alice' });
    const alice = new Orchestrator(house, token);
    /** Needs new pages of the disk, as bytes that cannot be compressed. */
    const large = () => ({ config_drive: true, user_data: randomBytes(40_000).toString('base64') });
    const warm = await alice.boot();
    expect((await guestReads(house, warm, META_DATA)).status).toBe(200);
    const cold = await alice.boot({ metadata: { known: 'no' } });
    const building = await Promise.all(Array.from({ length: 6 }, async () => alice.boot(large())));
    await waitFor('targets to be asked', () => target.inFlight > 3, LIMIT_MS);

    await postgres.fillDisk();

    // What is left of the last pages may hold a boot or two.
    const refused: { id: string; key: string }[] = [];
    const wishes = new Map<string, ReturnType<typeof large>>();
    const bootOnce = async (id: string, key: string): Promise<Answer> => {
      const wish = wishes.get(id) ?? large();
      wishes.set(id, wish);
      return house.call('/v1/instances', {
        ...{ method: 'POST', token, headers: { 'Idempotency-Key': key } },
        body: { id, name: 'mail-1', ...wish },
      });
    };
    await waitFor(
      'boots to be refused',
      async () => {
        const [id, key] = [randomUUID(), randomUUID()];
        const answer = await bootOnce(id, key);
        if (answer.status === 503) {
          expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1);
          refused.push({ id, key });
        } else expect(answer.status).toBe(202);
        return refused.length >= 5;
      },
      LIMIT_MS,
    );
    // Reading needs no room.
    for (const instance of [warm, cold]) {
      expect((await guestReads(house, instance, META_DATA)).status).toBe(200);
    }
    for (const { id } of refused) {
      expect((await house.call(`/v1/instances/${id}`, { token })).status).toBe(404);
    }
    const waiting = await Promise.all(building.map(async ({ id }) => alice.show(id)));
    expect(waiting.map(({ fault }) => fault)).toEqual(building.map(() => null));
    expect(waiting.filter(({ status }) => status === 'BUILD').length).toBeGreaterThan(0);

    await postgres.freeDisk();

    for (const { id, key } of refused) {
      const again = await waitFor(
        'a boot to be taken again',
        async () => {
          const answer = await bootOnce(id, key);
          return answer.status === 202 && answer;
        },
        LIMIT_MS,
      );
      expect((JSON.parse(again.text) as Instance).id).toBe(id);
    }
    for (const { id } of [...building, ...refused]) {
      const built = await alice.untilBuilt(id, LIMIT_MS);
      expect(built).toMatchObject({ status: 'ACTIVE', fault: null });
      expect(await alice.driveDigest(id)).toBe(built.drive?.sha256);
    }
    for (const id of await alice.list()) expect((await alice.untilBuilt(id)).status).toBe('ACTIVE');
  });
});
