import { expect, test } from '@jest/globals';
import { Client } from 'pg';
import { usePostgres, waitFor } from '@hallmark/testing';
import { call, House } from './house.ts';

const pg = usePostgres();

test('PostgreSQL may be away, and nothing that was accepted is lost', async () => {
  const database = await pg.current.createDatabase();
  await using house = await House.open({ database });
  const instance = await house.boot();
  const { id } = instance;
  await pg.current.kill();
  const calls = [
    () => house.boot(),
    () => house.get(id),
    () => house.metadata(id),
    () => house.client.setPassword({ id, password: Buffer.from('x') }, call()),
    () => house.client.listInstances({ projectId: '', marker: '', limit: 10, status: 0 }, call()),
    () => house.client.deleteInstance({ id, projectId: '' }, call()),
  ];
  for (const ask of calls) {
    await expect(ask()).rejects.toMatchObject({ code: 'unavailable', reason: 'DATABASE_UNAVAILABLE' });
  }
  expect(await house.running.ready()).toBe(false);
  await pg.current.start();
  expect(await house.get(id)).toEqual(instance);
  await house.client.setPassword({ id, password: Buffer.from('x') }, call());
  await waitFor('instances to be ready again', () => house.running.ready());
});

test('instances may start before PostgreSQL, and sets its tables up when that is there', async () => {
  const database = await pg.current.createDatabase();
  await pg.current.stop();
  await using house = await House.open({ database, unready: true });
  await expect(house.boot()).rejects.toMatchObject({ code: 'unavailable', reason: 'STARTING_UP' });
  expect(await house.running.ready()).toBe(false);
  await pg.current.start();
  // Until the tables are there it says the same, and nothing else.
  const instance = await waitFor('a boot to be taken in', async () => {
    try {
      return await house.boot();
    } catch (thrown) {
      expect(thrown).toMatchObject({ reason: 'STARTING_UP' });
      return undefined;
    }
  });
  expect(await house.get(instance.id)).toEqual(instance);
});

test('instances says that it cannot yet, while its tables are being made', async () => {
  const database = await pg.current.createDatabase();
  const migrator = new Client({ connectionString: database });
  await migrator.connect();
  try {
    // As another replica that migrates and takes its time: libs/postgres/src/migrations.ts.
    await migrator.query('SELECT pg_advisory_lock(1751215212)');
    await using house = await House.open({ database, unready: true });
    await expect(house.boot()).rejects.toMatchObject({ code: 'unavailable', reason: 'STARTING_UP' });
    expect(await house.running.ready()).toBe(false);
    await migrator.query('SELECT pg_advisory_unlock_all()');
    await waitFor('instances to be ready', () => house.running.ready());
    await house.boot();
  } finally {
    await migrator.end();
  }
});

test('replicas that start at once set the tables up once', async () => {
  const database = await pg.current.createDatabase();
  const houses = await Promise.all(Array.from({ length: 4 }, () => House.open({ database })));
  const { id } = await (houses[0] ?? fail()).boot();
  for (const house of houses) {
    expect((await house.get(id)).id).toBe(id);
    await house[Symbol.asyncDispose]();
  }
});

function fail(): never {
  throw new Error('No house was opened.');
}
