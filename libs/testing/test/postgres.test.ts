import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client } from 'pg';
import { Database, migrate, Tickets } from '@hallmark/postgres';
import { parseConfig, testContext } from '@hallmark/runtime';
import {
  createTestCertificates,
  describeWithDocker,
  PostgresServer,
  usePostgres,
  waitFor,
} from '../src/index.ts';
import type { TestCertificates } from '../src/index.ts';

/** Connects, asks one thing, hangs up. */
async function ask(url: string, text: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000, query_timeout: 2_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    client.connection.stream.destroy();
  }
}

function openDatabase(url: string, options = ''): Database<unknown> {
  const { postgres } = parseConfig(`[postgres]\nurl = ${url}\nstatement_timeout = 2\n${options}`);
  return Database.open<unknown>(postgres, { schema: 'test', ...testContext('test') });
}

describe('PostgreSQL for tests', () => {
  const postgres = usePostgres();

  test('gives each a database of its own', async () => {
    const [one, other] = [await postgres.current.createDatabase(), await postgres.current.createDatabase()];
    await ask(one, 'CREATE TABLE here (n int)');
    await expect(ask(other, 'SELECT * FROM here')).rejects.toThrow('does not exist');
  }, 30_000);

  test('has after a crash what it had before, at the same address', async () => {
    const url = await postgres.current.createDatabase();
    await ask(url, 'CREATE TABLE here AS SELECT 1 AS n');
    await postgres.current.kill();
    await expect(ask(url, 'SELECT')).rejects.toThrow('ECONNREFUSED');

    await postgres.current.start();
    expect(await ask(url, 'SELECT n FROM here')).toEqual([{ n: 1 }]);
  }, 30_000);
});

describeWithDocker('PostgreSQL in a container', () => {
  test('is a black hole while paused, and that is noticed in time', async () => {
    await using server = await PostgresServer.start();
    await using db = openDatabase(server.url);
    await migrate(db, [Tickets.migration]);
    const tickets = new Tickets(db);
    await server.container.pause();
    await expect(tickets.issue('test', 1)).rejects.toMatchObject({ reason: 'DATABASE_UNAVAILABLE' });
    await server.container.unpause();
    expect(await tickets.redeem('test', await tickets.issue('test', 1))).toBe(1);
  }, 900_000);

  test('takes nothing while its disk is full, and goes on when it is not', async () => {
    await using server = await PostgresServer.start({ diskMiB: 128 });
    await using db = openDatabase(server.url);
    await migrate(db, [Tickets.migration]);
    const tickets = new Tickets(db);
    await server.fillDisk();

    const issue = () => tickets.issue('large', randomBytes(500_000).toString('base64'));
    const issueUntilFull = async () => {
      for (;;) await issue();
    };
    await expect(issueUntilFull()).rejects.toMatchObject({
      code: 'unavailable',
      reason: 'DATABASE_UNAVAILABLE',
    });

    await server.freeDisk();
    expect(await waitFor('room', issue, 30_000)).toHaveLength(43);
  }, 900_000);

  describe('with TLS', () => {
    let authority: TestCertificates;
    beforeAll(async () => {
      authority = await createTestCertificates();
    });
    afterAll(() => authority[Symbol.asyncDispose]());

    test('is known by its certificate', async () => {
      const tls = await authority.issue({ name: 'postgres' });
      await using server = await PostgresServer.start({ tls });
      await using known = openDatabase(server.url, `cafile = ${tls.caFile}\n`);
      expect(await known.isReachable()).toBe(true);

      await using other = await createTestCertificates();
      const { caFile } = await other.issue({ name: 'postgres' });
      for (const options of ['', `cafile = ${caFile}\n`]) {
        await using stranger = openDatabase(server.url, options);
        expect(await stranger.isReachable()).toBe(false);
      }
    }, 900_000);
  });
});
