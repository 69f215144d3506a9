import { randomUUID } from 'node:crypto';
import type { Child } from '../child.ts';
import type { House } from './house.ts';
import { rowOf, sample, type Row, type Sample } from '../sample.ts';
import type { Scale } from '../scale.ts';

const IDENTICAL = 200;

export interface InFlightResult {
  readonly rows: readonly Row[];
  /** Calls of each of the three targets, for each round. One each is what merging means. */
  readonly callsPerTarget: readonly (readonly number[])[];
}

/** (d) Two hundred times the same question at once, about an instance that is new. */
export async function measureInFlight(
  house: House,
  client: Child<'load-client'>,
  scale: Scale,
): Promise<InFlightResult> {
  const samples: Sample[] = [];
  const callsPerTarget: number[][] = [];
  for (let round = 0; round < scale.rounds; round++) {
    const before = await house.calls();
    const plan = {
      ...house.post(3, randomUUID()),
      port: house.port,
      connections: IDENTICAL,
      requests: IDENTICAL,
    };
    samples.push(await sample(client, plan, house.watched));
    const after = await house.calls();
    callsPerTarget.push(after.slice(0, 3).map((calls, index) => calls - (before[index] ?? 0)));
  }
  return { rows: [rowOf(`${IDENTICAL} at once`, samples)], callsPerTarget };
}
