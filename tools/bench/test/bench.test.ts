import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { promisify } from 'node:util';

const MAIN = join(import.meta.dirname, '../src/main.ts');
const run = promisify(execFile);

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hallmark-bench-test-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function bench(...args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  return await run(process.execPath, ['--conditions=@hallmark/source', MAIN, ...args]);
}

test('measures every line, fails no request and asks each target once', async () => {
  const file = join(directory, 'figures.json');
  const { stdout } = await bench('vendordata', '--quick', '--json', file);

  expect(stdout).toMatch(/bare Fastify, JSON parsed +\d+ /);
  expect(stdout).toMatch(/10 targets +3 /);
  expect(stdout).toContain('(d) calls per target: 1, goal = 1: reached');
  expect(stdout).toContain('failed requests: 0, goal = 0: reached');

  const figures = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  expect(figures).toMatchObject({
    quick: true,
    cached: { targetCalls: 0, rows: [{ failed: 0 }, { failed: 0 }, { failed: 0 }] },
    inFlight: { callsPerTarget: [[1, 1, 1]] },
  });
}, 120_000);

test('measures guests, seats all who wait and fails none of their requests', async () => {
  const file = join(directory, 'figures.json');
  const { stdout } = await bench('guest', '--quick', '--json', file);

  expect(stdout).toMatch(/Hallmark, meta_data.json, \d+ bytes +\d+ /);
  expect(stdout).toMatch(/20 guests at once +560 /);
  expect(stdout).toMatch(/among 5000 instances +60 /);
  expect(stdout).toContain('(f) seated of those who wait: 200, goal = 200: reached');
  expect(stdout).toContain('(e) instances in ERROR: 0, goal = 0: reached');
  expect(stdout).toContain('failed requests: 0, goal = 0: reached');

  const figures = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  expect(figures).toMatchObject({
    bench: 'guest',
    quick: true,
    drives: { rows: [{ requests: 6 }, { requests: 6 }] },
  });
}, 180_000);

test('measures images, gets every byte back and fails no request', async () => {
  const file = join(directory, 'figures.json');
  const { stdout } = await bench('images', '--quick', '--json', file);

  expect(stdout).toMatch(/Fastify directly, upload +1 /);
  expect(stdout).toMatch(/stage and import +16 /);
  expect(stdout).toMatch(/created, staged, imported +8 /);
  expect(stdout).toMatch(/shared, not accepted yet +25 /);
  expect(stdout).toMatch(/import, 1000 rules +8 /);
  expect(stdout).toContain('(a) transfers with a wrong byte, digest or size: 0, goal = 0: reached');
  expect(stdout).toContain('failed requests: 0, goal = 0: reached');

  const figures = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  expect(figures).toMatchObject({
    bench: 'images',
    quick: true,
    bytes: { rows: [{ transfers: 1 }, { transfers: 1 }, { transfers: 1 }, { transfers: 1 }] },
    lists: { registries: [1_000, 5_000] },
  });
}, 480_000);

test('says what it can measure', async () => {
  await expect(bench('glance')).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('usage: npm run bench'),
  });
}, 30_000);
