import { expect, test } from '@jest/globals';
import { rowOf } from './sample.ts';

const SAMPLE = {
  requests: 100,
  failures: {},
  seconds: 2,
  p50Ms: 1,
  p99Ms: 5,
  cpuMs: new Map([['gateway', 30]]),
};

test('a row is the medians of its samples, and the CPU time of all', () => {
  const slower = { ...SAMPLE, seconds: 4, p50Ms: 3, p99Ms: 9, cpuMs: new Map([['gateway', 50]]) };
  const worst = { ...SAMPLE, seconds: 10, p50Ms: 9, p99Ms: 70, cpuMs: new Map([['gateway', 40]]) };
  expect(rowOf('cached', [worst, SAMPLE, slower])).toEqual({
    name: 'cached',
    requests: 300,
    failed: 0,
    seconds: 4,
    perSecond: 25,
    p50Ms: 3,
    p99Ms: 9,
    cpuMsPerRequest: { gateway: 0.4 },
  });
});

test('a row counts failures of every kind', () => {
  expect(rowOf('cold', [SAMPLE, { ...SAMPLE, failures: { 0: 2, 503: 5 } }]).failed).toBe(7);
});
