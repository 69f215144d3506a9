import { expect, test } from '@jest/globals';
import { cpuMsFromStat, cpuMsOfBuriedFromStat, memoryFromStatus } from './process-usage.ts';

test('adds user and system time, whatever the process is called', () => {
  const stat = '4711 (node (x) y) S 1 4711 4711 0 -1 4194304 100 0 0 0 250 50 7 7 20 0 11 0 99 1000 200';
  expect(cpuMsFromStat(stat)).toBe(3000);
  expect(cpuMsOfBuriedFromStat(stat)).toBe(140);
});

test('reads the resident memory and its peak', () => {
  const status = 'VmPeak:\t  900000 kB\nVmHWM:\t  204800 kB\nVmRSS:\t  102400 kB\nThreads:\t11\n';
  expect(memoryFromStatus(status, 'VmRSS')).toBe(100);
  expect(memoryFromStatus(status, 'VmHWM')).toBe(200);
});
