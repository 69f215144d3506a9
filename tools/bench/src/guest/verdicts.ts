import { exactly, failures, speed, type Verdict } from '../verdict.ts';
import type { GuestResult } from './bench.ts';

/** Compares with the goals that docs/performance.md explains. */
export function guestVerdicts({ warm, cold, crawl, registry, drives, waiting }: GuestResult): Verdict[] {
  return [
    ...warm.shares.map(({ document, ofBare }) =>
      speed('a', `${document}, share of bare Fastify`, ofBare, '>= 0.7', ofBare >= 0.7),
    ),
    speed(
      ...(['d', 'large registry / small, p99', registry.largeOverSmall] as const),
      ...(['<= 1.3', registry.largeOverSmall <= 1.3] as const),
    ),
    speed('f', 'MiB for those who wait', waiting.growthMiB, '<= 200', waiting.growthMiB <= 200),
    exactly('f', 'seated of those who wait', waiting.seated, waiting.waiters),
    exactly('e', 'instances in ERROR', drives.failedBuilds, 0),
    failures([warm, cold, crawl, registry, drives].flatMap(({ rows }) => rows)),
  ];
}
