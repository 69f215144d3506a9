import { machineTime, shareOfOthers } from './machine-load.ts';
import { usageOf, type Watched } from './process-usage.ts';

/** What a whole run took. */
export interface Account {
  /** Resident memory of each process at the end, in MiB. Empty without `/proc`. */
  readonly rssMiB: Readonly<Record<string, number>>;
  /** Share of the machine's CPU time that was not ours: above a few per cent, the figures say little. */
  readonly othersShare: number | undefined;
}

/** Opens the account; the answer closes it, for processes all of which were started meanwhile. */
export async function openAccount(): Promise<(watched: readonly Watched[]) => Promise<Account>> {
  const before = await machineTime();
  const ownBefore = process.cpuUsage();
  return async (watched) => {
    const rssMiB: Record<string, number> = {};
    const own = process.cpuUsage(ownBefore);
    let ownMs = (own.user + own.system) / 1000;
    for (const { name, pid } of watched) {
      const usage = await usageOf(pid);
      if (!usage) continue;
      rssMiB[name] = usage.rssMiB;
      ownMs += usage.cpuMs;
    }
    const after = await machineTime();
    return { rssMiB, othersShare: before && after && shareOfOthers(before, after, ownMs) };
  };
}
