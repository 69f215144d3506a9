import { expect, test } from '@jest/globals';
import { couldBeToken, digestOf } from './token-digest.ts';

test('is the SHA-256 in lower-case hex', () => {
  expect(digestOf('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

test.each([
  { it: 'a Fernet token', text: `gAAAAA${'x'.repeat(177)}`, could: true },
  { it: 'a JWS token', text: 'eyJh.eyJz.c2ln_-', could: true },
  { it: 'nothing', text: '', could: false },
  { it: 'a line feed, with which headers could be smuggled in', text: 'abc\nX-Role: admin', could: false },
  { it: 'a blank inside', text: 'abc def', could: false },
  { it: 'a letter beyond ASCII', text: 'tökén', could: false },
  { it: 'more than any header holds', text: 'x'.repeat(8193), could: false },
])('$it: $could', ({ text, could }) => {
  expect(couldBeToken(text)).toBe(could);
});
