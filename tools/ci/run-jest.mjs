import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { clearInterval, setInterval } from 'node:timers';

/** How long a run may stay after its last test. */
const EXIT_GRACE_MS = 30_000;
/** How long the tests of one project may take. */
const RUN_LIMIT_MS = 25 * 60_000;

/**
 * Runs the Jest of the project in the working directory, with the arguments given, and ends when its tests have:
 * a process that stays after them, because a test left a socket open or because its native parts do not end,
 * would keep Nx, and so `npm test`, for ever. It is ended, and what it was waiting for is told, from outside,
 * since such a process cannot always tell it itself.
 */
const project = basename(process.cwd());
const counts = join(import.meta.dirname, '../../test-results', `${project}.json`);
rmSync(counts, { force: true });

const jest = join(dirname(createRequire(import.meta.url).resolve('jest/package.json')), 'bin/jest.js');
const run = spawn(process.execPath, [jest, ...process.argv.slice(2)], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => run.kill(signal));

const began = Date.now();
let countedAt;
let ended = false;
const watch = setInterval(() => {
  if (countedAt === undefined && existsSync(counts)) countedAt = Date.now();
  if (countedAt !== undefined && Date.now() - countedAt > EXIT_GRACE_MS) {
    end(`stayed for ${EXIT_GRACE_MS / 1000} s after its last test`);
  } else if (countedAt === undefined && Date.now() - began > RUN_LIMIT_MS) {
    end(`had not ended its tests after ${RUN_LIMIT_MS / 60_000} min`);
  }
}, 1_000);

run.on('exit', (code, signal) => {
  clearInterval(watch);
  if (ended && countedAt !== undefined) {
    const { failed } = JSON.parse(readFileSync(counts, 'utf8'));
    process.exit(failed > 0 ? 1 : 0);
  }
  process.exit(code ?? (signal === null ? 0 : 1));
});

function end(why) {
  if (ended) return;
  ended = true;
  process.stderr.write(`${project}: Jest ${why} and was ended.\n${describeProcess(run.pid)}\n`);
  run.kill('SIGKILL');
}

/** What the kernel knows of a process: what each thread waits in, and what is open. */
function describeProcess(pid) {
  const at = `/proc/${pid}`;
  const threads = list(`${at}/task`).map((thread) => {
    const of = (file) => read(`${at}/task/${thread}/${file}`).trim();
    const state = /^State:\s*(.*)$/m.exec(of('status'))?.[1] ?? '?';
    return `  thread ${thread} ${of('comm')}: ${state}, in ${of('wchan')}, system call ${of('syscall')}`;
  });
  const files = list(`${at}/fd`).map((fd) => {
    try {
      return `${fd} ${readlinkSync(`${at}/fd/${fd}`)}`;
    } catch {
      return `${fd} gone`;
    }
  });
  const children = threads.length === 0 ? '' : read(`${at}/task/${pid}/children`).trim();
  return [...threads, `  open: ${files.join(', ')}`, `  children: ${children || 'none'}`].join('\n');
}

function list(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '?';
  }
}
