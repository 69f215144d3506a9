import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { optionsOf } from './option-info.ts';
import { multiStr } from './oslo-types.ts';
import { Settings } from './settings.ts';

/** No option of today may appear several times; Nova's own do, and later ones of ours will. */
const section = z.object({
  hook: multiStr()
    .default([])
    .meta({ formerly: [{ name: 'old_hook' }] }),
});
const info = optionsOf(section).get('hook');

function hooks(files: string[], environment: Record<string, string> = {}) {
  const sources = {
    files: files.map((text, index) => ({ path: `${index + 1}.conf`, text })),
    faults: [],
    environment,
  };
  return new Settings(sources).find('x', 'hook', info);
}

test('an option that may appear several times collects its values, earlier files first', () => {
  expect(hooks(['[x]\nhook = a,b\nhook = c', '[x]\nold_hook = d\nhook = e'])).toEqual({
    texts: ['a,b', 'c', 'e', 'd'],
    where: '2.conf:3',
    section: 'x',
    name: 'hook',
  });
});

test('the environment replaces all its values', () => {
  expect(hooks(['[x]\nhook = a'], { OS_X__HOOK: 'b' })?.texts).toEqual(['b']);
});

test('an option that nobody wrote is not found', () => {
  expect(hooks(['[y]\nhook = a'])).toBeUndefined();
});
