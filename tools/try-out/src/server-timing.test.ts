import { expect, test } from '@jest/globals';
import { parseServerTiming } from './server-timing.ts';

test('tells each entry with its time and its word', () => {
  const header = 'gateway;dur=406.2;desc="miss", inventory;dur=5.0;desc="fresh", my%20rack;desc="omitted"';
  expect(parseServerTiming(header)).toEqual([
    { name: 'gateway', ms: 406.2, description: 'miss' },
    { name: 'inventory', ms: 5, description: 'fresh' },
    { name: 'my rack', ms: undefined, description: 'omitted' },
  ]);
});

test('no header, no entries', () => {
  expect(parseServerTiming('')).toEqual([]);
});
