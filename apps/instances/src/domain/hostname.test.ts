import { describe, expect, test } from '@jest/globals';
import { hostnameFrom, isHostname } from './hostname.ts';

const ID = '2ae914e9-f5ab-44ce-b2a2-dcf8373d899d';

describe('the host name made of a display name', () => {
  test.each([
    ['web', 'web'],
    ['My Web_Server.1', 'my-web-server-1'],
    ['--..web..--', 'web'],
    ['café ½²', 'café-½²'],
    ['web✓server𝒳', 'webserver'],
    ['a/b:c!', 'abc'],
    [`${'x'.repeat(62)} y`, 'x'.repeat(62)],
    ['✓'.repeat(70) + 'late', 'late'],
    ['日本', `Server-${ID}`],
    ['...', `Server-${ID}`],
  ])('%j -> %j', (name, hostname) => {
    expect(hostnameFrom(name, ID)).toBe(hostname);
  });
});

test.each([
  ['web', true],
  ['Web-1.example.test', true],
  ['under_score', true],
  ['', false],
  ['-web', false],
  ['web-', false],
  ['web.', false],
  ['a..b', false],
  ['a b', false],
  ['x'.repeat(64), false],
  [`${'x'.repeat(63)}.`.repeat(4) + 'x', false],
])('%j as host name: %s', (text, good) => {
  expect(isHostname(text)).toBe(good);
});
