import { Child } from './child.ts';
import { startHouse } from './house.ts';
import { machineTime, shareOfOthers } from './measure/machine-load.ts';
import { usageOf } from './measure/process-usage.ts';
import type { Scale } from './scale.ts';
import { measureCached, type CachedResult } from './scenarios/cached.ts';
import { measureCold, type ColdResult } from './scenarios/cold.ts';
import { measureInFlight, type InFlightResult } from './scenarios/in-flight.ts';
import { measureStorm, type StormResult } from './scenarios/storm.ts';

export interface VendordataResult {
  readonly cached: CachedResult;
  readonly cold: ColdResult;
  readonly storm: StormResult;
  readonly inFlight: InFlightResult;
  /** Resident memory of each process at the end, in MiB. Empty without `/proc`. */
  readonly rssMiB: Readonly<Record<string, number>>;
  /** Share of the machine's CPU time that was not ours: above a few per cent, the figures say little. */
  readonly othersShare: number | undefined;
}

/** Runs the four measurements one after the other against one Hallmark. */
export async function benchVendordata(
  scale: Scale,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<VendordataResult> {
  await using parts = new AsyncDisposableStack();
  const before = await machineTime();
  const ownBefore = process.cpuUsage();
  say('starting the processes');
  const house = await startHouse(parts, signal);
  const { child: client } = await Child.start('load-client', {});
  parts.use(client);
  // Whoever gives up does not wait for the measurement that is under way.
  signal.addEventListener('abort', () => void client[Symbol.asyncDispose]());

  const step = async <T>(what: string, measure: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    say(what);
    return await measure();
  };
  const cached = await step('(a) cached', async () => measureCached(house, client, scale, parts));
  const cold = await step('(b) cold', async () => measureCold(house, client, scale));
  const storm = await step('(c) boot storm', async () => measureStorm(house, client, scale));
  const inFlight = await step('(d) identical in flight', async () => measureInFlight(house, client, scale));

  const rssMiB: Record<string, number> = {};
  const own = process.cpuUsage(ownBefore);
  let ownMs = (own.user + own.system) / 1000;
  for (const { name, pid } of [...house.watched, ...cached.contenders, client]) {
    const usage = await usageOf(pid);
    if (!usage) continue;
    rssMiB[name] = usage.rssMiB;
    ownMs += usage.cpuMs; // all of them were started meanwhile
  }
  const after = await machineTime();
  const othersShare = before && after && shareOfOthers(before, after, ownMs);
  return { cached, cold, storm, inFlight, rssMiB, othersShare };
}
