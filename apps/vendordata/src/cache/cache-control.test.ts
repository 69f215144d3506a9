import { expect, test } from '@jest/globals';
import { parseCacheControl, secondsOf } from './cache-control.ts';

const cases = [
  { it: 'reads plain directives', field: 'max-age=60, public', read: { 'max-age': '60', public: '' } },
  { it: 'takes names in any case', field: 'Max-Age=60, NO-CACHE', read: { 'max-age': '60', 'no-cache': '' } },
  {
    it: 'takes commas inside quotes as part of the value',
    field: 'private="set-cookie, x-a", max-age=5',
    read: { private: 'set-cookie, x-a', 'max-age': '5' },
  },
  { it: 'takes quoted seconds', field: 'max-age="60"', read: { 'max-age': '60' } },
  { it: 'takes the smaller of two', field: 'max-age=60, max-age=5', read: { 'max-age': '5' } },
  { it: 'reads an empty field', field: '', read: {} },
  { it: 'survives nonsense', field: ',,=,"x', read: { x: '' } },
];

test.each(cases)('$it', ({ field, read }) => {
  expect(Object.fromEntries(parseCacheControl(field))).toEqual(read);
});

test.each([
  { value: '60', seconds: 60 },
  { value: '0', seconds: 0 },
  { value: 'sixty', seconds: 0 },
  { value: '-1', seconds: 0 },
  { value: '1.5', seconds: 0 },
  { value: '', seconds: 0 },
  { value: '99999999999999999999', seconds: 2 ** 31 },
])('reads max-age=$value as $seconds seconds', ({ value, seconds }) => {
  expect(secondsOf(parseCacheControl(`max-age=${value}`), 'max-age')).toBe(seconds);
});
