import type { Child } from './child.ts';
import type { LoadResult } from './load/plan.ts';
import { cpuDuring, type Watched } from './measure/process-usage.ts';
import { median } from './measure/statistics.ts';
import type { Programs } from './programs/protocol.ts';

/** One run of the load client against something. */
export interface Sample extends LoadResult {
  /** CPU time that each process took meanwhile. Empty without `/proc`. */
  readonly cpuMs: ReadonlyMap<string, number>;
}

/** A line of the table: several samples of the same, taken at different times. */
export interface Row {
  readonly name: string;
  readonly requests: number;
  readonly failed: number;
  /** Medians over the samples. */
  readonly seconds: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Over all samples together: the clock of `/proc` is coarse. */
  readonly cpuMsPerRequest: Readonly<Record<string, number>>;
}

export async function sample<N extends 'load-client' | 'importer'>(
  client: Child<N>,
  plan: Programs[N]['question'],
  watched: readonly Watched[],
): Promise<Sample> {
  const { result, cpuMs } = await cpuDuring(watched, async () => client.ask(plan));
  return { ...result, cpuMs };
}

export function rowOf(name: string, samples: readonly Sample[]): Row {
  const requests = sum(samples.map((one) => one.requests));
  const processes = [...(samples[0]?.cpuMs.keys() ?? [])];
  return {
    name,
    requests,
    failed: sum(samples.flatMap((one) => Object.values(one.failures))),
    seconds: median(samples.map((one) => one.seconds)),
    perSecond: median(samples.map((one) => one.requests / one.seconds)),
    p50Ms: median(samples.map((one) => one.p50Ms)),
    p99Ms: median(samples.map((one) => one.p99Ms)),
    cpuMsPerRequest: Object.fromEntries(
      processes.map((name) => [name, sum(samples.map((one) => one.cpuMs.get(name) ?? 0)) / requests]),
    ),
  };
}

/** CPU time of a request, of all processes together. NaN without `/proc`. */
export function cpuMsOf(row: Row | undefined): number {
  const each = Object.values(row?.cpuMsPerRequest ?? {});
  return each.length === 0 ? NaN : sum(each);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
