import { Child } from '../child.ts';
import { startHouse } from './house.ts';
import { openAccount, type Account } from '../measure/accounting.ts';
import { loadTable, type Report } from '../report.ts';
import type { Scale } from '../scale.ts';
import { measureCached, type CachedResult } from './cached.ts';
import { measureCold, type ColdResult } from './cold.ts';
import { measureInFlight, type InFlightResult } from './in-flight.ts';
import { measureStorm, type StormResult } from './storm.ts';
import { verdictsOf } from './verdicts.ts';

export interface VendordataResult extends Account {
  readonly cached: CachedResult;
  readonly cold: ColdResult;
  readonly storm: StormResult;
  readonly inFlight: InFlightResult;
}

/** Runs the four measurements one after the other against one Hallmark. */
export async function benchVendordata(
  scale: Scale,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<VendordataResult> {
  await using parts = new AsyncDisposableStack();
  const close = await openAccount();
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

  const account = await close([...house.watched, ...cached.contenders, client]);
  return { cached, cold, storm, inFlight, ...account };
}

export function vendordataReport(result: VendordataResult): Report {
  const { cached, cold, storm, inFlight } = result;
  return {
    tables: [
      loadTable('(a) cached POST, 32 connections', cached.rows),
      loadTable('(b) cold POST, one at a time, targets of 50 ms', cold.rows),
      loadTable(`(c) boot storm, 3 targets of 50 ms; ideal ${storm.idealSeconds.toFixed(2)} s`, storm.rows),
      loadTable('(d) identical in flight, 3 targets of 50 ms', inFlight.rows),
    ],
    notes: [`(a) by CPU time per request, for comparison: ${cached.shareOfBareByCpu.toFixed(2)}`],
    verdicts: verdictsOf(result),
    account: result,
  };
}
