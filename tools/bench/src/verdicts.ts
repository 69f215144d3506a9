import type { VendordataResult } from './vendordata.ts';

/** A goal, what was measured, and whether it is reached. */
export interface Verdict {
  readonly letter: string;
  readonly what: string;
  readonly measured: number;
  readonly goal: string;
  readonly reached: boolean;
  /** A matter of right and wrong, not of speed: when it is not reached the bench fails. */
  readonly binding: boolean;
}

/** Compares with the goals that docs/performance.md explains. */
export function verdictsOf({ cached, cold, storm, inFlight }: VendordataResult): Verdict[] {
  const rows = [cached, cold, storm, inFlight].flatMap((result) => result.rows);
  const failed = rows.reduce((sum, row) => sum + row.failed, 0);
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
    {
      letter: '-',
      what: 'failed requests',
      measured: failed,
      goal: '= 0',
      reached: failed === 0,
      binding: true,
    },
  ];
}

function speed(letter: string, what: string, measured: number, goal: string, reached: boolean): Verdict {
  return { letter, what, measured, goal, reached, binding: false };
}
