import { readFile, writeFile } from 'node:fs/promises';

/** What a process has used since its start. */
export interface Usage {
  readonly cpuMs: number;
  /** Resident memory now. */
  readonly rssMiB: number;
  /** The most that it was since the start, or since `forgetPeak`. */
  readonly peakMiB: number;
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
    return {
      cpuMs: cpuMsFromStat(stat),
      rssMiB: memoryFromStatus(status, 'VmRSS'),
      peakMiB: memoryFromStatus(status, 'VmHWM'),
    };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** User and system time, fields 14 and 15 of proc(5). */
export function cpuMsFromStat(stat: string): number {
  return cpuMsOfFields(stat, 14);
}

/** A field of user time and the one of system time behind it; field 2 is a name that may hold anything, in parentheses. */
function cpuMsOfFields(stat: string, first: number): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[first - 3]) + Number(fields[first + 1 - 3]);
  return (ticks * 1000) / TICKS_PER_SECOND;
}

/** In MiB. */
export function memoryFromStatus(status: string, field: 'VmRSS' | 'VmHWM'): number {
  const [, kB = NaN] = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status) ?? [];
  return Number(kB) / 1024;
}

/** Begins the peak of a process's memory anew; proc(5) `clear_refs`. Nothing happens without `/proc`. */
export async function forgetPeak(pid: number): Promise<void> {
  try {
    await writeFile(`/proc/${pid}/clear_refs`, '5');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/**
 * The CPU time, in ms, of a process and of all the children that it has or had, such as those of a PostgreSQL. NaN
 * without `/proc`.
 */
export async function cpuMsOfFamily(pid: number): Promise<number> {
  try {
    const [stat, children] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(`/proc/${pid}/task/${pid}/children`, 'utf8'),
    ]);
    const living = await Promise.all(children.split(' ').filter(Boolean).map(Number).map(usageOf));
    const ofLiving = living.reduce((sum, usage) => sum + (usage?.cpuMs ?? 0), 0);
    return cpuMsFromStat(stat) + cpuMsOfBuriedFromStat(stat) + ofLiving;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return NaN;
    throw error;
  }
}

/** Of children that have ended: fields 16 and 17 of proc(5). */
export function cpuMsOfBuriedFromStat(stat: string): number {
  return cpuMsOfFields(stat, 16);
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
