import { expect, test } from '@jest/globals';
import { timingEntry } from './server-timing.ts';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

test.each([
  ['rack', 'rack'],
  ['cloud-init', 'cloud-init'],
  ['a b', 'a%20b'],
  ['größe', 'gr%C3%B6%C3%9Fe'],
  ['a;dur=1', 'a%3Bdur%3D1'],
  ['a,b', 'a%2Cb'],
  ['"quoted"', '%22quoted%22'],
  ['f(x)', 'f%28x%29'],
  ['line\r\nbreak', 'line%0D%0Abreak'],
  ['half a pair \ud800', 'half%20a%20pair%20%EF%BF%BD'],
  ['__proto__', '__proto__'],
])('writes the target %j as a token', (name, token) => {
  expect(timingEntry(name, 12.345, 'fresh')).toBe(`${token};dur=12.3;desc="fresh"`);
  expect(token).toMatch(TOKEN);
});
