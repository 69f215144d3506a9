import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { EmbeddedPostgres, EmbeddedPostgresError } from '../src/index.ts';
import { eventually } from './eventually.ts';

let directory = '';
beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'hallmark-embedded-')), 'postgres');
});
afterEach(async () => {
  await rm(join(directory, '..'), { recursive: true, force: true });
});

async function ask(url: string, text: string, values: unknown[] = []): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text, values)).rows;
  } finally {
    await client.end();
  }
}

/** Inserts rows one by one until the server is gone, and tells the last that was acknowledged. */
async function insertUntilGone(url: string, onFirst: () => void): Promise<number> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('CREATE TABLE IF NOT EXISTS numbers (n int PRIMARY KEY)');
  const { rows } = await client.query<{ next: number }>(
    'SELECT coalesce(max(n), 0) + 1 AS next FROM numbers',
  );
  const first = rows[0]?.next ?? 0;
  for (let n = first; ; n++) {
    try {
      await client.query('INSERT INTO numbers VALUES ($1)', [n]);
    } catch {
      return n - 1;
    }
    if (n === first + 100) onFirst();
  }
}

describe('the embedded PostgreSQL', () => {
  test('keeps every acknowledged row over crashes, at the same address', async () => {
    let url: string | undefined;
    for (let round = 0; round < 3; round++) {
      const server = await EmbeddedPostgres.start({ directory });
      url ??= server.url;
      expect(server.url).toBe(url);
      const acknowledged = await insertUntilGone(url, () => void server.kill());
      await server[Symbol.asyncDispose]();

      await using again = await EmbeddedPostgres.start({ directory });
      const [row] = await ask(again.url, 'SELECT count(*)::int AS rows FROM numbers');
      // One more may have been committed without anybody having heard of it.
      expect([acknowledged, acknowledged + 1]).toContainEqual((row as { rows: number }).rows);
    }
  }, 120_000);

  test('takes only those who know its password, which only its owner can read', async () => {
    await using server = await EmbeddedPostgres.start({ directory });
    await expect(ask(server.url.replace(/:[^:@]+@/, ':wrong@'), 'SELECT 1')).rejects.toThrow(
      'authentication',
    );
    expect((await stat(server.passwordFile)).mode & 0o777).toBe(0o600);
  }, 60_000);

  test('is not started twice in one directory', async () => {
    await using server = await EmbeddedPostgres.start({ directory });
    const second = EmbeddedPostgres.start({ directory });
    await expect(second).rejects.toThrow(EmbeddedPostgresError);
    await expect(second).rejects.toThrow('Another process on this machine');
    expect(await ask(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  }, 60_000);

  test('finishes an initialization that was broken off', async () => {
    await mkdir(join(directory, 'data.new'), { recursive: true });
    await using server = await EmbeddedPostgres.start({ directory });
    expect(await ask(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  }, 60_000);

  test('in a place that only root may enter, runs as root under another number or says what to do', async () => {
    await mkdir(directory, { mode: 0o700 });
    const start = EmbeddedPostgres.start({ directory });
    const server = await start.catch((error: unknown) => error);
    if (server instanceof EmbeddedPostgres) {
      await using running = server;
      expect(await ask(running.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    } else {
      expect(String(server)).toContain('may enter');
    }
  }, 60_000);

  test('leaves nothing behind when it has no directory', async () => {
    const server = await EmbeddedPostgres.start();
    const { directory: temporary, pid } = server;
    expect(existsSync(temporary)).toBe(true);
    await server[Symbol.asyncDispose]();
    expect(existsSync(temporary)).toBe(false);
    await eventually('the process to be gone', () => !existsSync(`/proc/${pid}`));
  }, 60_000);
});
