import { machineTime, shareOfOthers } from './machine-load.ts';
import { cpuMsOfFamily, usageOf, type Watched } from './process-usage.ts';

/** What a whole run took. */
export interface Account {
  /** Resident memory of each process at the end, in MiB. Empty without `/proc`. */
  readonly rssMiB: Readonly<Record<string, number>>;
  /** Share of the machine's CPU time that was not ours: above a few per cent, the figures say little. */
  readonly othersShare: number | undefined;
}

/** Closes an account, for processes and for servers with children, all of which were started meanwhile. */
type Close = (watched: readonly Watched[], servers?: readonly number[]) => Promise<Account>;

/** Opens the account of a run. */
export async function openAccount(): Promise<Close> {
  const before = await machineTime();
  const ownBefore = process.cpuUsage();
  return async (watched, servers = []) => {
    const rssMiB: Record<string, number> = {};
    const own = process.cpuUsage(ownBefore);
    let ownMs = (own.user + own.system) / 1000;
    for (const { name, pid } of watched) {
      const usage = await usageOf(pid);
      if (!usage) continue;
      rssMiB[name] = usage.rssMiB;
      ownMs += usage.cpuMs;
    }
    for (const pid of servers) ownMs += await cpuMsOfFamily(pid);
    const after = await machineTime();
    return { rssMiB, othersShare: before && after && shareOfOthers(before, after, ownMs) };
  };
}
