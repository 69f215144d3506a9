import { describe, expect, test } from '@jest/globals';
import { idempotencyKey, waitSeconds } from './preferences.ts';

describe('Prefer: wait', () => {
  const cases: [prefer: string | undefined, seconds: number | undefined][] = [
    [undefined, undefined],
    ['', undefined],
    ['wait=5', 5],
    ['wait=0', 0],
    ['Wait = 7', 7],
    ['wait="9"', 9],
    ['wait=60', 60],
    ['wait=61', 60],
    ['wait=99999999999999999999', 60],
    ['respond-async, wait=5', 5],
    ['respond-async; x=1, wait=5; y="a,b"', 5],
    ['wait=5, wait=10', 5],
    ['note="a, wait=5", wait=3', 3],
    ['wait', undefined],
    ['wait=', undefined],
    ['wait=-1', undefined],
    ['wait=1.5', undefined],
    ['wait=soon', undefined],
    ['waiting=5', undefined],
    ['"wait=5', 5],
    ['return=minimal', undefined],
  ];

  test.each(cases)('%j is %j', (prefer, seconds) => {
    expect(waitSeconds({ prefer })).toBe(seconds);
  });
});

describe('Idempotency-Key', () => {
  test.each([
    ['8e03978e-40d5-43e8-bc93-6894a57f9324', '8e03978e-40d5-43e8-bc93-6894a57f9324'],
    ['"8e03978e"', '8e03978e'],
    [String.raw`"a\"b\\c"`, String.raw`a"b\c`],
    ['k'.repeat(255), 'k'.repeat(255)],
    ['"', '"'],
  ])('%s', (given, key) => {
    expect(idempotencyKey({ 'idempotency-key': given })).toBe(key);
  });

  test.each(['', '""', 'k'.repeat(256), 'a b', 'a, a', 'é', 'a\tb', '"a b"'])('is refused as %j', (given) => {
    expect(() => idempotencyKey({ 'idempotency-key': given })).toThrow(/1 to 255 visible ASCII characters/);
  });

  test('may be left out', () => {
    expect(idempotencyKey({})).toBeUndefined();
  });
});
