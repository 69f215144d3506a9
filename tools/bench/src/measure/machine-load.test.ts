import { expect, test } from '@jest/globals';
import { parseMachineTime, shareOfOthers } from './machine-load.ts';

test('counts what was stolen as busy, waiting for a disk as idle', () => {
  const stat = 'cpu  100 10 50 1000 200 5 15 20 0 0\ncpu0 100 10 50 1000 200 5 15 20 0 0\n';
  expect(parseMachineTime(stat)).toEqual({ busy: 200, total: 1400 });
});

test('what was not ours was taken by others', () => {
  const before = { busy: 1000, total: 5000 };
  const after = { busy: 1150, total: 5400 }; // 400 ticks in all: 1.5 s busy, of which 0.5 s ours
  expect(shareOfOthers(before, after, 500)).toBe(0.25);
  expect(shareOfOthers(before, after, 9_000)).toBe(0);
});
