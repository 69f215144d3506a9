import { describe, expect, test } from '@jest/globals';
import { ageSeconds, maxAgeSeconds } from './freshness.ts';

interface Case {
  it: string;
  ageMs: number;
  ttlMs: number;
  laterMs: number;
  maxAge: number;
  age: number;
}

const cases: Case[] = [
  { it: 'repeats the number of the target', ageMs: 0, ttlMs: 60_000, laterMs: 0, maxAge: 60, age: 0 },
  { it: 'counts what a cache took already', ageMs: 20_000, ttlMs: 40_000, laterMs: 0, maxAge: 60, age: 20 },
  { it: 'repeats the number though moments passed', ageMs: 3, ttlMs: 59_990, laterMs: 4, maxAge: 60, age: 1 },
  { it: 'rounds the age up', ageMs: 0, ttlMs: 60_000, laterMs: 10_200, maxAge: 60, age: 11 },
  {
    it: 'leaves no time when less than a second is left',
    ageMs: 0,
    ttlMs: 900,
    laterMs: 0,
    maxAge: 1,
    age: 1,
  },
  { it: 'leaves no time at the end', ageMs: 0, ttlMs: 60_000, laterMs: 59_999, maxAge: 60, age: 60 },
  { it: 'is over when it is over', ageMs: 0, ttlMs: 60_000, laterMs: 60_001, maxAge: 60, age: 61 },
  { it: 'does not claim an age below zero', ageMs: 0, ttlMs: 60_400, laterMs: 0, maxAge: 60, age: 0 },
];

describe('max-age and Age', () => {
  test.each(cases)('$it', ({ ageMs, ttlMs, laterMs, maxAge, age }) => {
    expect(maxAgeSeconds(ageMs, ttlMs)).toBe(maxAge);
    expect(ageSeconds(maxAge, ttlMs - laterMs)).toBe(age);
  });

  test.each(cases)('never leave a reader more time than there is: $it', ({ ageMs, ttlMs, laterMs }) => {
    const max = maxAgeSeconds(ageMs, ttlMs);
    expect((max - ageSeconds(max, ttlMs - laterMs)) * 1_000).toBeLessThanOrEqual(
      Math.max(0, ttlMs - laterMs),
    );
  });
});
