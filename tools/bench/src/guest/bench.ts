import { Child } from '../child.ts';
import { openAccount, type Account } from '../measure/accounting.ts';
import { loadTable, type Report } from '../report.ts';
import { measureCold, measureRegistry, type ColdResult, type RegistryResult } from './cold.ts';
import { measureCrawl, type CrawlResult } from './crawl.ts';
import { measureDrives, type DrivesResult } from './drives.ts';
import { startGuestHouse } from './house.ts';
import type { GuestScale } from './scale.ts';
import { guestVerdicts } from './verdicts.ts';
import { measureWaiting, type WaitingResult } from './waiting.ts';
import { measureWarm, type WarmResult } from './warm.ts';

export interface GuestResult extends Account {
  readonly warm: WarmResult;
  readonly cold: ColdResult;
  readonly crawl: CrawlResult;
  readonly registry: RegistryResult;
  readonly drives: DrivesResult;
  readonly waiting: WaitingResult;
}

/** Runs the measurements one after the other against one Hallmark. */
export async function benchGuest(
  scale: GuestScale,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<GuestResult> {
  await using parts = new AsyncDisposableStack();
  const close = await openAccount();
  say('starting the processes');
  const house = await startGuestHouse(parts, signal);
  await house.registry.fill(1, scale.instances);
  const { child: client } = await Child.start('load-client', {});
  parts.use(client);
  // Whoever gives up does not wait for the measurement that is under way.
  signal.addEventListener('abort', () => void client[Symbol.asyncDispose]());

  const step = async <T>(what: string, measure: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    say(what);
    return await measure();
  };
  const waiting = await step('(f) waiting', async () => measureWaiting(house, scale));
  const cold = await step('(b) cold', async () => measureCold(house, client, scale));
  const warm = await step('(a) warm', async () => measureWarm(house, client, scale, parts));
  const crawl = await step('(c) crawl', async () => measureCrawl(house, client, scale));
  const drives = await step('(e) config drives', async () => measureDrives(house, client, scale));
  // Last: it leaves a registry in which nothing else is meant to be measured.
  const registry = await step('(d) registry', async () => measureRegistry(house, client, scale, say));
  const account = await close([...house.watched, ...warm.contenders, client]);
  return { warm, cold, crawl, registry, drives, waiting, ...account };
}

export function guestReport(result: GuestResult): Report {
  const { warm, cold, crawl, registry, drives, waiting } = result;
  const byCpu = warm.shares.map(({ document, ofBareByCpu }) => `${document} ${ofBareByCpu.toFixed(2)}`);
  return {
    tables: [
      loadTable('(a) warm GET, 32 connections', warm.rows),
      loadTable('(b) cold first GET, 8 connections, 2 targets of 50 ms', cold.rows),
      loadTable(`(c) ${crawl.requestsOfOne} requests of each guest, 2 targets of 50 ms, 1 dead`, crawl.rows),
      loadTable('(d) cold GET of meta_data.json, 8 connections', registry.rows),
      loadTable('(e) config drives, 8 connections, 2 targets of 50 ms', drives.rows),
    ],
    notes: [
      `(a) by CPU time per request, for comparison: ${byCpu.join(', ')}`,
      `(f) ${waiting.waiters} waiting cost the gateway ${waiting.growthMiB.toFixed(0)} MiB and ${waiting.cpuMsPerSecond.toFixed(1)} ms of CPU a second`,
    ],
    verdicts: guestVerdicts(result),
    account: result,
  };
}
