import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { waitFor } from '@hallmark/testing';
import { Program } from '../src/index.ts';

let directory = '';
const programs: Program[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hallmark-program-'));
});
afterEach(async () => {
  await Promise.all(programs.splice(0).map(async (program) => program.stop(0)));
  await rm(directory, { recursive: true });
});

async function start(fixture: string): Promise<Program> {
  const program = await Program.start({
    name: fixture,
    entry: join(import.meta.dirname, 'fixtures', `${fixture}.ts`),
    logFile: join(directory, `${fixture}.log`),
  });
  programs.push(program);
  return program;
}

/** The process id that a stubborn program tells. */
async function workerOf(program: Program): Promise<number> {
  return await waitFor('its worker', async () => {
    const told = /worker (\d+)/.exec(await program.logTail(1));
    return told ? Number(told[1]) : undefined;
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('a program that is told to end may do so by itself', async () => {
  const program = await start('obedient');
  await waitFor('the program to be ready', async () => (await program.logTail(1)) === 'ready');

  expect(await program.stop(10_000)).toEqual({ code: 0, signal: null });
  expect(await program.logTail(5)).toBe('ready\ntold to end');
  expect(await program.logTail(1)).toBe('told to end');
}, 30_000);

test('one that does not end in time is killed with all that it has started', async () => {
  const program = await start('stubborn');
  const worker = await workerOf(program);
  expect(isAlive(worker)).toBe(true);

  expect(await program.stop(50)).toEqual({ code: null, signal: 'SIGKILL' });
  await waitFor('its worker to be gone', () => !isAlive(worker));
}, 30_000);

test('one that crashes leaves no worker behind', async () => {
  const program = await start('stubborn');
  const worker = await workerOf(program);
  program.signal('SIGKILL');

  expect(await program.ended).toEqual({ code: null, signal: 'SIGKILL' });
  await waitFor('its worker to be gone', () => !isAlive(worker));
}, 30_000);

test('one that fails says how', async () => {
  const program = await start('no-such-file');
  expect(await program.ended).toEqual({ code: 1, signal: null });
  expect(await program.logTail(20)).toContain('Cannot find module');
}, 30_000);
