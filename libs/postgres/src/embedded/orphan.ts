import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const POLL_MS = 20;
const STOP_WITHIN_MS = 30_000;

/**
 * Stops the server that a starter left behind when it was killed. Whoever calls this holds the lock of the
 * directory, so no living starter has it.
 */
export async function stopOrphan(data: string): Promise<void> {
  const pid = Number((await readOrNothing(join(data, 'postmaster.pid'))).split('\n')[0]);
  if (!(pid > 1) || !(await servesData(pid, data))) return;
  const deadline = performance.now() + STOP_WITHIN_MS;
  send(pid, 'SIGINT');
  while (await servesData(pid, data)) {
    if (performance.now() > deadline) send(pid, 'SIGQUIT');
    await wait(POLL_MS);
  }
}

/** The number alone says nothing: after a restart of the machine another process may have it. */
async function servesData(pid: number, data: string): Promise<boolean> {
  const args = (await readOrNothing(`/proc/${pid}/cmdline`)).split('\0');
  return args.some((arg) => arg.endsWith('/postgres')) && args[args.indexOf('-D') + 1] === data;
}

const readOrNothing = async (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
