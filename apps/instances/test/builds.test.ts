import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { instances, vendordata } from '@hallmark/contracts';
import { notReady, unavailable } from '@hallmark/errors';
import { usePostgres, waitFor } from '@hallmark/testing';
import { DriveHouse } from './drive-house.ts';
import { FakeVendordata } from './fake-vendordata.ts';
import { call } from './house.ts';

const { InstanceStatus: Status } = instances;
const { Freeze_ShortLived: ShortLived } = vendordata;

const pg = usePostgres();
let vendordataService: FakeVendordata;
let opened: AsyncDisposableStack;

beforeEach(async () => {
  opened = new AsyncDisposableStack();
  vendordataService = opened.use(await FakeVendordata.start());
});
afterEach(async () => {
  vendordataService.release();
  await opened.disposeAsync();
});

async function openHouse(ini = '', database?: string): Promise<DriveHouse> {
  return opened.use(
    await DriveHouse.open({
      database: database ?? (await pg.current.createDatabase()),
      vendordata: vendordataService,
      ini,
    }),
  );
}

/** Nothing is left that could make or hold a drive of it. */
async function expectNoTrace({ house }: DriveHouse, id: string): Promise<void> {
  expect(await house.rows('SELECT 1 FROM builds WHERE instance_id = $1', [id])).toEqual([]);
  expect(await house.rows('SELECT 1 FROM config_drives WHERE instance_id = $1', [id])).toEqual([]);
}

const occurrences = (bytes: Buffer, text: string): number => bytes.toString('latin1').split(text).length - 1;

describe('a build', () => {
  test('asks vendordata once and freezes it into every version', async () => {
    const house = await openHouse();
    const booted = await house.boot({ bootRoles: ['member', 'mail'] });
    expect(booted.status).toBe(Status.BUILD);
    expect(booted.configDrive).toBeUndefined();

    const built = await house.built(booted.id);

    expect(built.status).toBe(Status.ACTIVE);
    expect(built.fault).toBeUndefined();
    expect(built.configDrive).toMatchObject({ format: 'iso9660', shortLivedTargets: [] });
    expect(vendordataService.requests).toHaveLength(1);
    const [request] = vendordataService.requests;
    expect(request?.freeze).toEqual({ minLifetime: { seconds: 300, nanos: 0 }, shortLived: ShortLived.WARN });
    expect(JSON.parse(String(request?.instanceJson))).toMatchObject({
      'instance-id': booted.id,
      'boot-roles': 'member,mail',
    });
    const { bytes } = await house.download(booted.id);
    // 2016-10-06 and the four after it, and latest; 2013-10-17 and the seven after it, and latest.
    expect(occurrences(bytes, vendordataService.vendorData2)).toBe(6);
    expect(occurrences(bytes, '{"static": "file"}')).toBe(9);
  });

  test('leaves vendor_data.json off where there is none', async () => {
    vendordataService.vendorData = undefined;
    const house = await openHouse();
    const { id } = await house.boot();
    expect((await house.built(id)).status).toBe(Status.ACTIVE);
    const { bytes } = await house.download(id);
    expect(occurrences(bytes, 'vendor_data2.json')).toBeGreaterThan(0);
    expect(occurrences(bytes, 'vendor_data.json')).toBe(0);
  });

  test('tells the policy for short-lived answers and records whose they were', async () => {
    vendordataService.shortLivedTargets = ['otp', 'cmdb'];
    const house = await openHouse('[config_drive]\nmin_lifetime = 60.5\nshort_lived = omit\n');
    const { id } = await house.boot();
    const built = await house.built(id);
    expect(built.status).toBe(Status.ACTIVE);
    expect(built.configDrive?.shortLivedTargets).toEqual(['otp', 'cmdb']);
    expect(vendordataService.requests[0]?.freeze).toEqual({
      minLifetime: { seconds: 60, nanos: 500_000_000 },
      shortLived: ShortLived.OMIT,
    });
  });

  test('of an instance that wishes for no drive is none, and asks nobody', async () => {
    const house = await openHouse();
    const instance = await house.house.boot();
    expect(instance.status).toBe(Status.ACTIVE);
    await expectNoTrace(house, instance.id);
    expect(vendordataService.requests).toEqual([]);
  });

  test('is done for a hundred instances by two replicas, once each', async () => {
    const database = await pg.current.createDatabase();
    const houses = [await openHouse('', database), await openHouse('', database)] as const;
    const booted = await Promise.all(
      Array.from({ length: 100 }, (_, index) => houses[index % 2 === 0 ? 0 : 1].boot()),
    );
    for (const { id } of booted) expect((await houses[0].built(id)).status).toBe(Status.ACTIVE);
    const asked = vendordataService.requests.map(({ instanceJson }) => String(instanceJson));
    expect(asked).toHaveLength(100);
    expect(new Set(asked).size).toBe(100);
  });

  test('waits for its turn: so many at a time', async () => {
    vendordataService.hold();
    const house = await openHouse('[instances]\nbuild_concurrency = 2\n');
    const booted = await Promise.all(Array.from({ length: 6 }, () => house.boot()));
    await waitFor('two builds to be under way', () => vendordataService.waiting === 2);
    vendordataService.release();
    for (const { id } of booted) await house.built(id);
    expect(vendordataService.most).toBe(2);
  });
});

describe('what vendordata decides', () => {
  test.each([
    unavailable('VENDORDATA_TARGET_FAILED', 'Target "cmdb" failed (TIMEOUT): it did not answer in time.'),
    notReady('VENDORDATA_NOT_FREEZABLE', 'Target "otp" may not be frozen.'),
  ])('puts the instance into ERROR at once: $reason', async (failure) => {
    vendordataService.failure = failure;
    const house = await openHouse();
    const { id } = await house.boot();
    const built = await house.built(id);
    expect(built.status).toBe(Status.ERROR);
    expect(built.fault).toMatchObject({ reason: failure.reason, message: failure.message });
    expect(built.configDrive).toBeUndefined();
    expect(vendordataService.requests).toHaveLength(1);
    await expectNoTrace(house, id);
    await expect(house.open(id)).rejects.toMatchObject({ reason: 'NO_CONFIG_DRIVE' });
  });

  test('and a rebuild may mend it', async () => {
    vendordataService.failure = unavailable('VENDORDATA_TARGET_FAILED', 'Target "cmdb" failed.');
    const house = await openHouse();
    const { id } = await house.boot();
    await house.built(id);
    vendordataService.failure = undefined;
    const imageId = '1b1f4e54-6b3c-4b0a-9d0a-6f1f3f1d2a11';
    await house.house.client.rebuildInstance({ id, projectId: '', imageId }, call());
    const mended = await house.built(id);
    expect(mended).toMatchObject({ status: Status.ACTIVE, fault: undefined });
    expect(String(vendordataService.requests.at(-1)?.instanceJson)).toContain(imageId);
  });
});

describe('what is down', () => {
  test('is waited for', async () => {
    const { endpoint } = vendordataService;
    await vendordataService[Symbol.asyncDispose]();
    const house = await openHouse();
    const { id } = await house.boot();
    const retried = async (): Promise<boolean> =>
      /hallmark_instances_build_retries_total [1-9]/.test(await house.house.registry.metrics());
    await waitFor('an attempt to fail', retried);
    await vendordataService.listen(endpoint);
    expect((await house.built(id)).status).toBe(Status.ACTIVE);
  });

  test('for too long is a fault', async () => {
    vendordataService.failure = unavailable('RPC_UNAVAILABLE', 'The targets cannot be reached.');
    const house = await openHouse('[instances]\nbuild_timeout = 0.5\n');
    const { id } = await house.boot();
    expect(await house.built(id)).toMatchObject({
      status: Status.ERROR,
      fault: { reason: 'CONFIG_DRIVE_FAILED', message: 'Tried for 0.5 s. The targets cannot be reached.' },
    });
    expect(vendordataService.requests.length).toBeGreaterThan(1);
    await expectNoTrace(house, id);
  });

  test('PostgreSQL between the answer and its writing costs no second question', async () => {
    vendordataService.hold();
    const house = await openHouse();
    const { id } = await house.boot();
    await waitFor('the build to be under way', () => vendordataService.waiting === 1);
    await pg.current.stop();
    vendordataService.release();
    await waitFor('the answer to be given', () => vendordataService.waiting === 0);
    await pg.current.start();
    const status = async (): Promise<boolean> => (await house.house.get(id)).status === Status.ACTIVE;
    await waitFor('the instance to be ACTIVE', status, 30_000);
    expect(vendordataService.requests).toHaveLength(1);
  });
});

describe('what is not wanted any more', () => {
  test('is discarded: the instance was deleted', async () => {
    vendordataService.hold();
    const house = await openHouse();
    const { id } = await house.boot();
    await waitFor('the build to be under way', () => vendordataService.waiting === 1);
    await house.house.client.deleteInstance({ id, projectId: '' }, call());
    vendordataService.release();
    const discarded = async (): Promise<boolean> =>
      (await house.house.registry.metrics()).includes('builds_total{outcome="discarded"} 1');
    await waitFor('the result to be discarded', discarded);
    await expectNoTrace(house, id);
    await expect(house.house.get(id)).rejects.toMatchObject({ reason: 'INSTANCE_UNKNOWN' });
  });
});

describe('the end of a process', () => {
  test('hands the build to another replica at once', async () => {
    vendordataService.hold();
    const database = await pg.current.createDatabase();
    const dying = await DriveHouse.open({ database, vendordata: vendordataService });
    const { id } = await dying.boot();
    await waitFor('the build to be under way', () => vendordataService.waiting === 1);
    const other = await openHouse('', database);
    await dying[Symbol.asyncDispose]();
    vendordataService.release();
    expect((await other.built(id)).status).toBe(Status.ACTIVE);
    expect(vendordataService.requests).toHaveLength(2);
  });
});
