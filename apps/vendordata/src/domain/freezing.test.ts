import { expect, test } from '@jest/globals';
import { freezeParts, type ShortLivedPolicy } from './freezing.ts';
import type { Part } from './resolution.ts';

const part = (name: string, lifetimeSeconds: number | undefined): Part => ({
  ...{ name, lifetimeSeconds, json: Buffer.from('{"a": 1}'), source: 'fresh', failure: undefined },
  ...{ elapsedMs: 1, ageSeconds: 0, ttlSeconds: 0 },
});

interface Case {
  it: string;
  lifetime: number | undefined;
  least: number;
  shortLived: boolean;
}

const cases: Case[] = [
  { it: 'a long life will do', lifetime: 3_600, least: 300, shortLived: false },
  { it: 'exactly the least will do', lifetime: 300, least: 300, shortLived: false },
  { it: 'less than the least is short', lifetime: 299, least: 300, shortLived: true },
  { it: 'no life at all is short', lifetime: 0, least: 300, shortLived: true },
  { it: 'silence is no claim', lifetime: undefined, least: 300, shortLived: false },
  { it: 'without a least any life will do', lifetime: 1, least: 0, shortLived: false },
  { it: 'without a least no life is still short', lifetime: 0, least: 0, shortLived: true },
];

test.each(cases)('$it', ({ lifetime, least, shortLived }) => {
  const frozen = freezeParts([part('a', lifetime)], { minLifetimeSeconds: least, shortLived: 'warn' });
  expect(frozen.shortLived).toEqual(shortLived ? ['a'] : []);
});

const three = [part('a', 20), part('b', 600), part('c', 0)];
const frozen = (shortLived: ShortLivedPolicy) => freezeParts(three, { minLifetimeSeconds: 300, shortLived });

test('warn gives all parts as they are, and names the short-lived', () => {
  expect(frozen('warn')).toEqual({ parts: three, shortLived: ['a', 'c'] });
});

test('omit gives {} in their place', () => {
  const { parts, shortLived } = frozen('omit');
  expect(parts.map(({ name, json, source }) => [name, json.toString(), source])).toEqual([
    ['a', '{}', 'omitted'],
    ['b', '{"a": 1}', 'fresh'],
    ['c', '{}', 'omitted'],
  ]);
  expect(shortLived).toEqual(['a', 'c']);
});

test('fatal gives nothing, and names them with what they say', () => {
  expect(() => frozen('fatal')).toThrow(
    expect.objectContaining({
      code: 'not-ready',
      reason: 'VENDORDATA_NOT_FREEZABLE',
      message: 'What is frozen must be good for 300 s: target "a" says 20 s, "c" says 0 s.',
    }),
  );
});
