import { expect, test } from '@jest/globals';
import { sql } from 'kysely';
import {
  isUniqueViolation,
  migrate,
  migrateWhenReachable,
  StatementError,
  type Migration,
} from '../src/index.ts';
import { eventually } from './eventually.ts';
import { useHouse } from './house.ts';

const house = useHouse();
const NUMBERS: Migration = { name: 'numbers', sql: 'CREATE TABLE numbers (n int PRIMARY KEY, word text)' };
const UNAVAILABLE = { code: 'unavailable', reason: 'DATABASE_UNAVAILABLE' };

const insert = (n: number) => sql`INSERT INTO numbers (n) VALUES (${n})`;

test('many processes may migrate at once, and a newer schema is left alone', async () => {
  const databases = Array.from({ length: 4 }, () => house.current.database('crowd'));
  const log: Migration = { name: 'log', sql: "CREATE TABLE log (t text); INSERT INTO log VALUES ('once')" };
  const done = await Promise.all(databases.map(async (db) => migrate(db, [NUMBERS, log])));
  expect(done.flat().sort()).toEqual(['log', 'numbers']);
  const [db] = databases;
  if (db === undefined) throw new Error('no database');
  expect((await sql`SELECT t FROM crowd.log`.execute(db.kysely)).rows).toEqual([{ t: 'once' }]);
  expect(await migrate(db, [NUMBERS])).toEqual([]);
  await Promise.all(databases.map(async (one) => one[Symbol.asyncDispose]()));
}, 60_000);

test('a migration that is refused leaves nothing', async () => {
  await using db = house.current.database('refused');
  const faulty: Migration = { name: 'faulty', sql: 'CREATE TABLE half (n int); SELECT no_such_function()' };
  await expect(migrate(db, [NUMBERS, faulty])).rejects.toThrow(StatementError);
  expect(await migrate(db, [NUMBERS])).toEqual(['numbers']);
}, 60_000);

test('what is refused is told apart, and says nothing of the row', async () => {
  await using db = house.current.database('refusals');
  await migrate(db, [NUMBERS]);
  await insert(1).execute(db.kysely);
  const duplicate = await insert(1)
    .execute(db.kysely)
    .catch((error: unknown) => error);
  expect(isUniqueViolation(duplicate, 'numbers_pkey')).toBe(true);
  expect(isUniqueViolation(duplicate, 'another')).toBe(false);

  const secret =
    await sql`INSERT INTO numbers (n, word) VALUES (2, 'user data'), ('user data'::text::int, '')`
      .execute(db.kysely)
      .catch((error: unknown) => error);
  expect(secret).toMatchObject({ sqlState: '22P02' });
  const missing = await sql`INSERT INTO numbers (word) VALUES ('user data')`
    .execute(db.kysely)
    .catch((error: unknown) => error);
  expect(missing).toMatchObject({ sqlState: '23502' });
  for (const error of [secret, missing]) {
    expect(error).toBeInstanceOf(StatementError);
    expect(JSON.stringify(error) + String((error as Error).stack)).not.toContain('user data');
  }
}, 60_000);

test('a server that stops is unavailable, and used again when it is back', async () => {
  await using db = house.current.database('outage');
  await migrate(db, [NUMBERS]);
  await house.current.stop();
  await expect(insert(1).execute(db.kysely)).rejects.toMatchObject(UNAVAILABLE);
  await expect(db.transaction(async (tx) => insert(1).execute(tx))).rejects.toMatchObject(UNAVAILABLE);
  expect(await db.isReachable()).toBe(false);

  await house.current.start();
  await insert(1).execute(db.kysely);
}, 60_000);

test('a transaction whose server crashes in the middle is undone, and may be repeated', async () => {
  await using db = house.current.database('crash');
  await migrate(db, [NUMBERS]);
  const attempt = db.transaction(async (tx) => {
    await insert(1).execute(tx);
    await house.current.crash();
    await insert(2).execute(tx);
  });
  await expect(attempt).rejects.toMatchObject(UNAVAILABLE);
  // A connection that nobody was waiting on has ended too; that must not end this process.
  await house.current.start();
  await db.transaction(async (tx) => {
    await insert(1).execute(tx);
    await insert(2).execute(tx);
  });
}, 60_000);

test('a failure that comes while the server is gone is told as what it was', async () => {
  await using db = house.current.database('own_failure');
  await migrate(db, [NUMBERS]);
  const attempt = db.transaction(async (tx) => {
    await insert(1).execute(tx);
    await house.current.crash();
    await insert(2)
      .execute(tx)
      .catch(() => undefined);
    throw new Error('of my own');
  });
  await expect(attempt).rejects.toThrow('of my own');
  await house.current.start();
}, 60_000);

test('a commit on which the connection breaks is of unknown outcome', async () => {
  await using db = house.current.database('commits');
  await using other = house.current.database('commits');
  await migrate(db, [NUMBERS]);
  // A deferred trigger runs during COMMIT, and that long the connection can be broken.
  await sql`
    CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(5); RETURN NULL; END'
  `.execute(db.kysely);
  await sql`
    CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON numbers DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pause()
  `.execute(db.kysely);
  const attempt = db.transaction(async (tx) => insert(1).execute(tx));
  const expectation = expect(attempt).rejects.toMatchObject({
    code: 'unavailable',
    reason: 'DATABASE_COMMIT_UNKNOWN',
  });
  await eventually('the commit to be ended', async () => {
    const { rows } = await sql<{ ended: boolean }>`
      SELECT pg_terminate_backend(pid) AS ended FROM pg_stat_activity
      WHERE application_name = 'hallmark-commits' AND lower(query) = 'commit' AND state = 'active'
    `.execute(other.kysely);
    return rows.some(({ ended }) => ended);
  });
  await expectation;
}, 60_000);

test('a statement that takes too long is ended', async () => {
  await using db = house.current.database('slow', 'statement_timeout = 0.2\n');
  await expect(sql`SELECT pg_sleep(10)`.execute(db.kysely)).rejects.toMatchObject(UNAVAILABLE);
}, 60_000);

test('a database that is not there yet is waited for', async () => {
  await using db = house.current.database('late');
  await house.current.stop();
  const begun: string[] = [];
  await using migrating = migrateWhenReachable(db, [NUMBERS], () => void begun.push('begun'));
  await expect(insert(1).execute(db.kysely)).rejects.toMatchObject(UNAVAILABLE);
  expect(migrating.isDone).toBe(false);

  await house.current.start();
  await migrating.done;
  expect(migrating.isDone).toBe(true);
  expect(begun).toEqual(['begun']);
  await insert(1).execute(db.kysely);
}, 60_000);

test('the waiting for a database can be given up', async () => {
  await using db = house.current.database('never');
  await house.current.stop();
  const migrating = migrateWhenReachable(db, [NUMBERS]);
  const given = expect(migrating.done).rejects.toThrow('was ended');
  await migrating[Symbol.asyncDispose]();
  await given;
  await house.current.start();
}, 60_000);
