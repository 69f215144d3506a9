import type { Child } from '../child.ts';
import { TARGET_MS, type House } from './house.ts';
import { rowOf, sample, type Row, type Sample } from '../sample.ts';
import type { Scale } from '../scale.ts';

const CONCURRENCY = 32;

export interface StormResult {
  readonly rows: readonly Row[];
  readonly idealSeconds: number;
  /** The ideal as a share of the time it took. */
  readonly shareOfIdeal: number;
}

/** (c) Many instances boot at once, each asked about for the first time, three targets for each. */
export async function measureStorm(
  house: House,
  client: Child<'load-client'>,
  scale: Scale,
): Promise<StormResult> {
  const requests = scale.stormInstances;
  const plan = { ...house.post(3), port: house.port, connections: CONCURRENCY, requests };
  const samples: Sample[] = [];
  for (let round = 0; round < scale.rounds; round++) {
    samples.push(await sample(client, plan, house.watched));
  }
  const row = rowOf(`${requests} instances, ${CONCURRENCY} at a time`, samples);
  const idealSeconds = (requests / CONCURRENCY) * (TARGET_MS / 1000);
  return { rows: [row], idealSeconds, shareOfIdeal: idealSeconds / row.seconds };
}
