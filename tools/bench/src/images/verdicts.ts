import { exactly, failures, speed, type Verdict } from '../verdict.ts';
import type { ImagesResult } from './bench.ts';

/** Compares with the goals that docs/performance.md explains. */
export function imagesVerdicts({ bytes, imports, lists, rules }: ImagesResult): Verdict[] {
  const upload = bytes.shares.find(({ direction }) => direction === 'upload')?.ofDirect ?? NaN;
  const worst = Math.max(...lists.lists.map(({ mostOverFewest }) => mostOverFewest));
  const slowest = lists.lists.find(({ mostOverFewest }) => mostOverFewest === worst)?.name ?? 'none';
  const rows = [...imports.rows, ...rules.rows, ...lists.lists.flatMap((list) => list.rows)];
  return [
    speed('a', 'upload, share of the direct one', upload, '>= 0.75', upload >= 0.75),
    speed('a', 'most MiB that any size added', bytes.growthMiB, '<= 128', bytes.growthMiB <= 128),
    speed('c', `most images / fewest, p99 of the worst list (${slowest})`, worst, '<= 2', worst <= 2),
    exactly('a', 'transfers with a wrong byte, digest or size', bytes.wrong, 0),
    failures(rows, bytes.failed),
  ];
}
