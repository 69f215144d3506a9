import { expect, test } from '@jest/globals';
import { parseRetryAfter } from './retry-after.ts';

const NOW = Date.UTC(2026, 10, 21, 12, 0, 0);

test.each([
  ['seconds', '30', 30],
  ['white space around them', ' 30 ', 30],
  ['no time at all', '0', 0],
  ['a date', 'Sat, 21 Nov 2026 12:01:30 GMT', 90],
  ['a date in the old style', 'Saturday, 21-Nov-26 12:00:05 GMT', 5],
  ['a date that has passed', 'Sat, 21 Nov 2026 11:00:00 GMT', 0],
  ['a fraction', '1.5', undefined],
  ['a negative number', '-1', undefined],
  ['words', 'soon', undefined],
  ['a year', '2026-11-21', undefined],
  ['nothing', undefined, undefined],
])('%s', (_what, value, seconds) => {
  expect(parseRetryAfter(value, NOW)).toBe(seconds);
});
