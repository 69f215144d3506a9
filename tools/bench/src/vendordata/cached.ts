import { randomUUID } from 'node:crypto';
import { Child } from '../child.ts';
import type { House } from './house.ts';
import type { LoadPlan } from '../load/plan.ts';
import type { Watched } from '../measure/process-usage.ts';
import { cpuMsOf, rowOf, sample, type Row, type Sample } from '../sample.ts';
import type { Scale } from '../scale.ts';

const CONNECTIONS = 32;

/** What is measured beside Hallmark, in the same minutes and by the same client. */
const BARE = 'bare Fastify, JSON parsed';
const ONE_HOP = 'Fastify + one gRPC hop';
const KEPT = 'Hallmark, answer kept in the gateway';

export interface CachedResult {
  readonly rows: readonly Row[];
  /** What was measured beside it. */
  readonly contenders: readonly Watched[];
  /** Hallmark's requests per second as a share of bare Fastify's. */
  readonly shareOfBare: number;
  /** The same by CPU time per request, which is steadier on a busy machine. NaN without `/proc`. */
  readonly shareOfBareByCpu: number;
  /** Calls of targets while answers were repeated; zero, as long as the gateway keeps them. */
  readonly targetCalls: number;
}

/** (a) The same POST again and again, answered from the gateway's memory. */
export async function measureCached(
  house: House,
  client: Child<'load-client'>,
  scale: Scale,
  parts: AsyncDisposableStack,
): Promise<CachedResult> {
  const post = house.post(3, randomUUID());
  const contenders = await startContenders(parts);
  const lines: Line[] = [...contenders, { name: KEPT, port: house.port, watched: house.watched }].map(
    (line) => ({ ...line, plan: { ...post, port: line.port, connections: CONNECTIONS }, samples: [] }),
  );

  for (const { plan } of lines) await client.ask({ ...plan, durationMs: scale.warmUpMs });
  const callsBefore = await house.calls();
  for (let round = 0; round < scale.rounds; round++) {
    for (const { plan, watched, samples } of lines) {
      samples.push(await sample(client, { ...plan, durationMs: scale.cachedMs }, watched));
    }
  }
  const callsAfter = await house.calls();

  const rows = lines.map(({ name, samples }) => rowOf(name, samples));
  const [bare, , kept] = rows;
  return {
    rows,
    contenders: contenders.flatMap(({ watched }) => watched),
    shareOfBare: (kept?.perSecond ?? NaN) / (bare?.perSecond ?? NaN),
    shareOfBareByCpu: cpuMsOf(bare) / cpuMsOf(kept),
    targetCalls: callsAfter.reduce((sum, calls, index) => sum + calls - (callsBefore[index] ?? 0), 0),
  };
}

interface Contender {
  readonly name: string;
  readonly port: number;
  readonly watched: readonly Watched[];
}

interface Line extends Contender {
  readonly plan: LoadPlan;
  readonly samples: Sample[];
}

async function startContenders(parts: AsyncDisposableStack): Promise<Contender[]> {
  const echo = await Child.start('echo', {});
  parts.use(echo.child);
  const back = await Child.start('hop-back', {});
  parts.use(back.child);
  const front = await Child.start('hop-front', back.ready);
  parts.use(front.child);
  return [
    { name: BARE, port: echo.ready.port, watched: [echo.child] },
    { name: ONE_HOP, port: front.ready.port, watched: [front.child, back.child] },
  ];
}
