import { describe, expect, test } from '@jest/globals';
import type { Row } from '../sample.ts';
import type { ImagesResult } from './bench.ts';
import type { ListRow } from './lists.ts';
import { imagesVerdicts } from './verdicts.ts';

const ROW: Row = {
  ...{ name: 'a line', requests: 100, failed: 0, seconds: 1, perSecond: 100, p50Ms: 1, p99Ms: 2 },
  cpuMsPerRequest: {},
};
const LIST: ListRow = { name: 'a page', onPage: [25, 25], rows: [ROW, ROW], mostOverFewest: 2 };
const GOOD: ImagesResult = {
  bytes: {
    ...{ bytes: 1024, rows: [], memory: [], growthMiB: 128, wrong: 0, failed: 0, contenders: [] },
    shares: [
      { direction: 'upload', ofDirect: 0.75, ofDirectByCpu: 0.5 },
      { direction: 'download', ofDirect: 0.1, ofDirectByCpu: 0.1 },
    ],
  },
  imports: { rows: [ROW] },
  rules: { rows: [ROW], importMs: 1, freshMs: 1 },
  lists: { registries: [1_000, 1_000_000], lists: [LIST, { ...LIST, name: 'shared', mostOverFewest: 1 }] },
  rssMiB: {},
  othersShare: 0,
};

const notReached = (result: ImagesResult): string[] =>
  imagesVerdicts(result)
    .filter(({ reached }) => !reached)
    .map(({ letter, binding }) => `${letter}${binding ? ' binding' : ''}`);

describe('the goals for images', () => {
  test('are reached at their edges', () => {
    expect(notReached(GOOD)).toEqual([]);
  });

  test.each<[string, Partial<ImagesResult>, string[]]>([
    [
      'a slow upload',
      {
        bytes: { ...GOOD.bytes, shares: [{ direction: 'upload', ofDirect: 0.74, ofDirectByCpu: 1 }] },
      },
      ['a'],
    ],
    ['no upload', { bytes: { ...GOOD.bytes, shares: [] } }, ['a']],
    ['a process that grows', { bytes: { ...GOOD.bytes, growthMiB: 129 } }, ['a']],
    ['memory of which nothing is known', { bytes: { ...GOOD.bytes, growthMiB: NaN } }, ['a']],
    ['wrong bytes', { bytes: { ...GOOD.bytes, wrong: 1 } }, ['a binding']],
    ['a transfer that broke', { bytes: { ...GOOD.bytes, failed: 1 } }, ['- binding']],
    [
      'one list whose length is felt',
      { lists: { ...GOOD.lists, lists: [LIST, { ...LIST, mostOverFewest: 2.1 }] } },
      ['c'],
    ],
    [
      'a list of which nothing is known',
      { lists: { ...GOOD.lists, lists: [LIST, { ...LIST, mostOverFewest: NaN }] } },
      ['c'],
    ],
    [
      'a page that was refused',
      { lists: { ...GOOD.lists, lists: [{ ...LIST, rows: [ROW, { ...ROW, failed: 1 }] }] } },
      ['- binding'],
    ],
    ['a failed import', { imports: { rows: [{ ...ROW, failed: 1 }] } }, ['- binding']],
    ['a failed create', { rules: { ...GOOD.rules, rows: [{ ...ROW, failed: 1 }] } }, ['- binding']],
  ])('are not reached with %s', (_what, difference, letters) => {
    expect(notReached({ ...GOOD, ...difference })).toEqual(letters);
  });
});
