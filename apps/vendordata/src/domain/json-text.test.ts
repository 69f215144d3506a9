import { describe, expect, test } from '@jest/globals';
import { readJsonText } from './json-text.ts';

const read = (text: string | Buffer, charset?: string): string => {
  const result = readJsonText(Buffer.from(text), charset);
  return 'json' in result ? result.json.toString() : result.fault;
};

describe('JSON goes through untouched', () => {
  test.each([
    '{}',
    '[1]',
    '"text"',
    'null',
    'true',
    '7',
    '{"a": 12345678901234567890, "b": 1.0, "c": 1e400, "d": -0}',
    '{"a":1,"a":2}',
    '{"__proto__": {"x": 1}}',
    ' {"a" :\n 1} ',
    '{"lone": "\\ud800", "quote": "\\\\\\"["}',
    '"h\u00e9llo"',
    `${'['.repeat(500)}${']'.repeat(500)}`,
    `"${'['.repeat(600)}"`,
    `"${'9'.repeat(5000)}"`,
    `[${'9'.repeat(4300)}]`,
  ])('%p', (text) => {
    expect(read(text)).toBe(text);
  });

  test('and no body is {}', () => {
    expect(read('')).toBe('{}');
  });
});

test.each([
  ['white space only', '   ', 'is not JSON'],
  ['a byte order mark', '\uFEFF{}', 'is not JSON'],
  ['HTML', '<html>', 'is not JSON'],
  ['NaN, which only Python reads', '{"a": NaN}', 'is not JSON'],
  ['two values', '{}{}', 'is not JSON'],
  ['broken UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'is not valid utf-8'],
  ['arrays too deep for Python', `${'['.repeat(501)}${']'.repeat(501)}`, 'is nested deeper than 500 levels'],
  [
    'objects too deep for Python',
    `${'{"a":'.repeat(501)}1${'}'.repeat(501)}`,
    'is nested deeper than 500 levels',
  ],
  ['a number too long for Python', `[${'9'.repeat(4301)}]`, 'holds a number of more than 4300 digits'],
])('%s is refused', (_what, text, fault) => {
  expect(read(text)).toBe(fault);
});

describe('a declared charset', () => {
  test('is converted to UTF-8', () => {
    expect(read(Buffer.from('"h\u00e9llo"', 'latin1'), 'ISO-8859-1')).toBe('"h\u00e9llo"');
    expect(read(Buffer.from('\uFEFF"h\u00e9llo"', 'utf16le'), 'utf-16')).toBe('"h\u00e9llo"');
  });

  test('that does not fit the bytes is refused', () => {
    expect(read(Buffer.from([0x22, 0x81, 0x22]), 'shift_jis')).toBe('is not valid shift_jis');
  });

  test('that nobody knows counts as UTF-8', () => {
    expect(read('"h\u00e9llo"', 'klingon')).toBe('"h\u00e9llo"');
  });
});
