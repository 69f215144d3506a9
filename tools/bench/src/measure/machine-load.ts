import { readFile } from 'node:fs/promises';
import { TICKS_PER_SECOND } from './process-usage.ts';

/** CPU time of the whole machine since it was started, in ticks. */
export interface MachineTime {
  readonly busy: number;
  readonly total: number;
}

/** Undefined where there is no `/proc`. */
export async function machineTime(): Promise<MachineTime | undefined> {
  try {
    return parseMachineTime(await readFile('/proc/stat', 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The first line of proc(5) `stat`. Time stolen by other guests of the host counts as busy. */
export function parseMachineTime(stat: string): MachineTime {
  const line = stat.slice(0, stat.indexOf('\n')).split(/ +/).slice(1).map(Number);
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = line;
  const busy = user + nice + system + irq + softirq + steal;
  return { busy, total: busy + idle + iowait };
}

/** The share of the machine's CPU time that went to others, when so many ms of it were ours. */
export function shareOfOthers(before: MachineTime, after: MachineTime, ownMs: number): number {
  const ownTicks = (ownMs * TICKS_PER_SECOND) / 1000;
  return Math.max(0, after.busy - before.busy - ownTicks) / (after.total - before.total);
}
