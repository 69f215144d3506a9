import { readFile } from 'node:fs/promises';

/** What a process has used since its start. */
export interface Usage {
  readonly cpuMs: number;
  /** Resident memory now. */
  readonly rssMiB: number;
}

/** `_SC_CLK_TCK`, which is 100 on every Linux that Node runs on. */
export const TICKS_PER_SECOND = 100;

/** Reads `/proc`. Undefined where there is none, on systems other than Linux. */
export async function usageOf(pid: number): Promise<Usage | undefined> {
  try {
    const [stat, status] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(`/proc/${pid}/status`, 'utf8'),
    ]);
    return { cpuMs: cpuMsFromStat(stat), rssMiB: rssMiBFromStatus(status) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** User and system time, fields 14 and 15 of proc(5); field 2 is a name that may hold anything, in parentheses. */
export function cpuMsFromStat(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[14 - 3]) + Number(fields[15 - 3]);
  return (ticks * 1000) / TICKS_PER_SECOND;
}

export function rssMiBFromStatus(status: string): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? NaN) / 1024;
}

/** A process by the name it has in the table. */
export interface Watched {
  readonly name: string;
  readonly pid: number;
}

/** The CPU time, in ms, that each process takes while `work` runs; without `/proc`, nothing. */
export async function cpuDuring<T>(
  watched: readonly Watched[],
  work: () => Promise<T>,
): Promise<{ result: T; cpuMs: ReadonlyMap<string, number> }> {
  const before = await cpuMsOf(watched);
  const result = await work();
  const after = await cpuMsOf(watched);
  const cpuMs = new Map<string, number>();
  for (const [name, ms] of after) cpuMs.set(name, ms - (before.get(name) ?? 0));
  return { result, cpuMs };
}

async function cpuMsOf(watched: readonly Watched[]): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const { name, pid } of watched) {
    const usage = await usageOf(pid);
    if (usage) found.set(name, usage.cpuMs);
  }
  return found;
}
