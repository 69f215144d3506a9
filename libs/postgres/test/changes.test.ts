import { expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { ChangeClock, migrate, Notifications, Tickets, type Database } from '../src/index.ts';
import { eventually } from './eventually.ts';
import { useHouse } from './house.ts';

const house = useHouse();

test('versions grow in the order of the commits', async () => {
  await using db = house.current.database('clock');
  const clock = new ChangeClock('clock_changes');
  await migrate(db, [ChangeClock.migration]);
  const before = await clock.current(db.kysely);
  const committed: number[] = [];
  const heard: number[] = [];
  let isListening = false;
  await using notifications = Notifications.start(db, clock.channel, {
    onNotification: (payload) => heard.push(Number(payload)),
    onListening: () => (isListening = true),
    onLost: () => undefined,
  });
  await eventually('LISTEN', () => isListening && notifications.isListening);
  await Promise.all(
    Array.from({ length: 40 }, async (_, index) => {
      await db.transaction(async (tx) => {
        const version = await clock.advance(tx);
        await clock.announce(tx, String(version));
        await sql`SELECT pg_sleep(${(index % 3) / 1000})`.execute(tx);
        committed.push(version);
      });
    }),
  );
  await eventually('all notifications', () => heard.length === 40);
  const inOrder = committed.toSorted((a, b) => a - b);
  expect(new Set(committed).size).toBe(40);
  expect(inOrder[0]).toBeGreaterThan(before);
  // PostgreSQL sends notifications in the order of the commits.
  expect(heard).toEqual(inOrder);
  expect(await clock.current(db.kysely)).toBe(inOrder.at(-1));
  expect(inOrder.at(-1)).toBeGreaterThan(Date.now() - 60_000);
}, 60_000);

test('a change that is rolled back was none', async () => {
  await using db = house.current.database('undone');
  const clock = new ChangeClock('undone_changes');
  await migrate(db, [ChangeClock.migration]);
  const before = await clock.current(db.kysely);
  await expect(
    db.transaction(async (tx) => {
      await clock.advance(tx);
      throw new Error('changed my mind');
    }),
  ).rejects.toThrow('changed my mind');
  expect(await clock.current(db.kysely)).toBe(before);
}, 60_000);

/** What a listener was told, in words. */
function listen(db: Database<unknown>, told: string[]): Notifications {
  return Notifications.start(db, 'news', {
    onNotification: (payload) => told.push(payload),
    onListening: () => told.push('(listening)'),
    onLost: () => told.push('(lost)'),
  });
}

test('a listener is told that it was deaf, and when it hears again', async () => {
  await using db = house.current.database('listeners');
  const told: string[] = [];
  await using notifications = listen(db, told);
  const say = async (text: string) => sql`SELECT pg_notify('news', ${text})`.execute(db.kysely);
  await eventually('LISTEN', () => notifications.isListening);
  await say('one');
  await eventually('it', () => told.includes('one'));

  await house.current.crash();
  await eventually('the loss', () => told.includes('(lost)'));
  expect(notifications.isListening).toBe(false);
  await house.current.start();
  await eventually('LISTEN', () => notifications.isListening);
  await say('two');
  await eventually('it', () => told.includes('two'));
  expect(told).toEqual(['(listening)', 'one', '(lost)', '(listening)', 'two']);
}, 60_000);

test('a server that has gone silent counts as lost within three seconds', async () => {
  await using db = house.current.database('silence');
  const told: string[] = [];
  await using notifications = listen(db, told);
  await eventually('LISTEN', () => notifications.isListening);
  const { rows } = await sql<{ pid: number }>`
    SELECT pid FROM pg_stat_activity
    WHERE application_name = 'hallmark-silence' AND (query LIKE 'LISTEN%' OR query = 'SELECT 1')
  `.execute(db.kysely);
  const pid = rows[0]?.pid ?? 0;
  process.kill(pid, 'SIGSTOP');
  const since = performance.now();
  try {
    await eventually('the loss', () => told.includes('(lost)'));
    expect(performance.now() - since).toBeLessThan(4_000);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  await eventually('LISTEN', () => notifications.isListening);
}, 60_000);

test('a ticket is good for one, of all who show it', async () => {
  await using db = house.current.database('tickets');
  await using replica = house.current.database('tickets');
  await migrate(db, [Tickets.migration]);
  const tickets = new Tickets(db);
  const ticket = await tickets.issue('drive', { instance: 'a', size: 3 });
  expect(ticket).toMatch(/^[\w-]{43}$/);
  expect(await tickets.redeem('image', ticket)).toBeUndefined();
  const redeemers = [
    ...Array.from({ length: 10 }, () => tickets),
    ...Array.from({ length: 10 }, () => new Tickets(replica)),
  ];
  const answers = await Promise.all(redeemers.map(async (each) => each.redeem('drive', ticket)));
  expect(answers.filter((answer) => answer !== undefined)).toEqual([{ instance: 'a', size: 3 }]);

  const { rows } = await sql`SELECT * FROM tickets`.execute(db.kysely);
  expect(rows).toEqual([]);
}, 60_000);

test('a ticket expires, and goes when others are issued', async () => {
  await using db = house.current.database('expiry');
  await migrate(db, [Tickets.migration]);
  const tickets = new Tickets(db);
  const expired = await tickets.issue('drive', 1, 0);
  expect(await tickets.redeem('drive', expired)).toBeUndefined();
  const other = await tickets.issue('drive', 2);
  const { rows } = await sql`SELECT payload FROM tickets`.execute(db.kysely);
  expect(rows).toEqual([{ payload: '2' }]);
  expect(JSON.stringify(rows)).not.toContain(other);
}, 60_000);
