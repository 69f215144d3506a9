import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { BLOCK, digestsOfPattern, isPattern, patternAt } from './pattern.ts';

const twice = Buffer.concat([BLOCK, BLOCK]);

test('knows the pattern at any place, over the ends of blocks', () => {
  expect(isPattern(twice.subarray(100, BLOCK.length + 100), 100)).toBe(true);
  expect(isPattern(twice.subarray(100, 200), 100 + BLOCK.length)).toBe(true);
});

test('sees one wrong byte, and bytes at another place', () => {
  const wrong = Buffer.from(twice.subarray(0, BLOCK.length + 10));
  wrong.writeUInt8(wrong.readUInt8(BLOCK.length + 5) ^ 1, BLOCK.length + 5);
  expect(isPattern(wrong, 0)).toBe(false);
  expect(isPattern(twice.subarray(100, 200), 101)).toBe(false);
});

test('the digests are those of what is sent', () => {
  const bytes = BLOCK.length + 1_000;
  const sent = Buffer.concat([patternAt(0, bytes), patternAt(BLOCK.length, 1_000)]);
  const digest = (algorithm: string): string => createHash(algorithm).update(sent).digest('hex');
  expect(digestsOfPattern(bytes)).toEqual({ md5: digest('md5'), sha512: digest('sha512') });
});
