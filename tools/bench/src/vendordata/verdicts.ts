import { failures, speed, type Verdict } from '../verdict.ts';
import type { VendordataResult } from './bench.ts';

/** Compares with the goals that docs/performance.md explains. */
export function verdictsOf({ cached, cold, storm, inFlight }: VendordataResult): Verdict[] {
  const mostCalls = Math.max(...inFlight.callsPerTarget.flat());
  const fewestCalls = Math.min(...inFlight.callsPerTarget.flat());
  return [
    speed('a', 'share of bare Fastify', cached.shareOfBare, '>= 0.6', cached.shareOfBare >= 0.6),
    speed('b', '10 targets / 1 target', cold.tenOverOne, '<= 1.3', cold.tenOverOne <= 1.3),
    speed('c', 'share of the ideal', storm.shareOfIdeal, '>= 0.6', storm.shareOfIdeal >= 0.6),
    {
      letter: 'd',
      what: 'calls per target',
      measured: fewestCalls < 1 ? fewestCalls : mostCalls,
      goal: '= 1',
      reached: fewestCalls === 1 && mostCalls === 1,
      binding: true,
    },
    failures([cached, cold, storm, inFlight].flatMap(({ rows }) => rows)),
  ];
}
