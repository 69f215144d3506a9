import { describe, expect, test } from '@jest/globals';
import type { Row } from '../sample.ts';
import type { GuestResult } from './bench.ts';
import { guestVerdicts } from './verdicts.ts';

const ROW: Row = {
  ...{ name: 'a line', requests: 100, failed: 0, seconds: 1, perSecond: 100, p50Ms: 1, p99Ms: 2 },
  cpuMsPerRequest: {},
};
const GOOD: GuestResult = {
  warm: {
    rows: [ROW],
    shares: [
      { document: 'meta_data.json', ofBare: 0.7, ofBareByCpu: 0.7 },
      { document: 'vendor_data2.json', ofBare: 0.7, ofBareByCpu: 0.7 },
    ],
    contenders: [],
  },
  cold: { rows: [ROW] },
  crawl: { rows: [ROW], requestsOfOne: 28 },
  registry: { rows: [ROW], largeOverSmall: 1.3 },
  drives: { rows: [ROW], failedBuilds: 0 },
  waiting: { waiters: 10, seated: 10, growthMiB: 200, cpuMsPerSecond: 1 },
  rssMiB: {},
  othersShare: 0,
};

const notReached = (result: GuestResult): string[] =>
  guestVerdicts(result)
    .filter(({ reached }) => !reached)
    .map(({ letter, binding }) => `${letter}${binding ? ' binding' : ''}`);

describe('the goals for guests', () => {
  test('are reached at their edges', () => {
    expect(notReached(GOOD)).toEqual([]);
  });

  test.each<[string, Partial<GuestResult>, string[]]>([
    [
      'one slow document of two',
      { warm: { ...GOOD.warm, shares: [{ document: 'a', ofBare: 0.69, ofBareByCpu: 1 }] } },
      ['a'],
    ],
    ['a registry whose size is felt', { registry: { ...GOOD.registry, largeOverSmall: 1.31 } }, ['d']],
    ['no figure at all', { registry: { ...GOOD.registry, largeOverSmall: NaN } }, ['d']],
    ['a dear crowd', { waiting: { ...GOOD.waiting, growthMiB: 201 } }, ['f']],
    ['somebody who does not wait', { waiting: { ...GOOD.waiting, seated: 9 } }, ['f binding']],
    ['a failed build', { drives: { ...GOOD.drives, failedBuilds: 1 } }, ['e binding']],
    [
      'a failed request of a crawl',
      { crawl: { ...GOOD.crawl, rows: [{ ...ROW, failed: 1 }] } },
      ['- binding'],
    ],
  ])('are not reached with %s', (_what, difference, letters) => {
    expect(notReached({ ...GOOD, ...difference })).toEqual(letters);
  });
});
