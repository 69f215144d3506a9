import type { Child } from '../child.ts';
import { TARGET_COUNTS, type House, type TargetCount } from './house.ts';
import { rowOf, sample, type Row, type Sample } from '../sample.ts';
import type { Scale } from '../scale.ts';

export interface ColdResult {
  readonly rows: readonly Row[];
  /** Time of a request that asks ten targets, as a multiple of one that asks one. */
  readonly tenOverOne: number;
}

/** (b) Instances that nobody has asked about yet, one after the other; 1, 3, 5 or 10 targets for each. */
export async function measureCold(
  house: House,
  client: Child<'load-client'>,
  scale: Scale,
): Promise<ColdResult> {
  const samples = new Map<TargetCount, Sample[]>(TARGET_COUNTS.map((count) => [count, []]));
  const plan = (count: TargetCount) => ({ ...house.post(count), port: house.port, connections: 1 });

  for (const count of TARGET_COUNTS) await client.ask({ ...plan(count), requests: scale.coldRequests });
  for (let round = 0; round < scale.rounds; round++) {
    for (const count of TARGET_COUNTS) {
      const taken = await sample(client, { ...plan(count), requests: scale.coldRequests }, house.watched);
      samples.get(count)?.push(taken);
    }
  }

  const rows = [...samples].map(([count, taken]) =>
    rowOf(count === 1 ? '1 target' : `${count} targets`, taken),
  );
  return { rows, tenOverOne: (rows.at(-1)?.p50Ms ?? NaN) / (rows[0]?.p50Ms ?? NaN) };
}
