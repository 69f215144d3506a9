import { describe, expect, test } from '@jest/globals';
import type { Row } from '../sample.ts';
import type { VendordataResult } from './bench.ts';
import { verdictsOf } from './verdicts.ts';

const ROW: Row = {
  name: 'a line',
  requests: 100,
  failed: 0,
  seconds: 1,
  perSecond: 100,
  p50Ms: 1,
  p99Ms: 2,
  cpuMsPerRequest: {},
};
const GOOD: VendordataResult = {
  cached: { rows: [ROW], contenders: [], shareOfBare: 0.6, shareOfBareByCpu: 0.7, targetCalls: 0 },
  cold: { rows: [ROW], tenOverOne: 1.3 },
  storm: { rows: [ROW], idealSeconds: 1.5, shareOfIdeal: 0.6 },
  inFlight: { rows: [ROW], callsPerTarget: [[1, 1, 1]] },
  rssMiB: {},
  othersShare: 0,
};

const notReached = (result: VendordataResult): string[] =>
  verdictsOf(result)
    .filter(({ reached }) => !reached)
    .map(({ letter, binding }) => `${letter}${binding ? ' binding' : ''}`);

describe('the goals', () => {
  test('are reached at their edges', () => {
    expect(notReached(GOOD)).toEqual([]);
  });

  test.each<[string, Partial<VendordataResult>, string[]]>([
    ['a slow repeat', { cached: { ...GOOD.cached, shareOfBare: 0.59 } }, ['a']],
    ['targets asked in turn', { cold: { ...GOOD.cold, tenOverOne: 8 } }, ['b']],
    ['a slow storm', { storm: { ...GOOD.storm, shareOfIdeal: 0.2 } }, ['c']],
    ['no figure at all', { storm: { ...GOOD.storm, shareOfIdeal: NaN } }, ['c']],
    [
      'a question asked twice',
      { inFlight: { ...GOOD.inFlight, callsPerTarget: [[1, 2, 1]] } },
      ['d binding'],
    ],
    ['a question not asked', { inFlight: { ...GOOD.inFlight, callsPerTarget: [[1, 1, 0]] } }, ['d binding']],
    ['a failed request', { cold: { ...GOOD.cold, rows: [{ ...ROW, failed: 1 }] } }, ['- binding']],
  ])('are not reached with %s', (_what, difference, letters) => {
    expect(notReached({ ...GOOD, ...difference })).toEqual(letters);
  });
});
