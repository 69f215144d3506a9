import { describe, expect, test } from '@jest/globals';
import { readJson, writeJson } from './json.ts';
import type { Json } from './json.ts';

const rewritten = (text: string): string => writeJson(readJson(Buffer.from(text)));

function faultOf(bytes: Buffer): string {
  try {
    readJson(bytes);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return thrown.message;
    throw thrown;
  }
  throw new Error('It was read.');
}

describe('what is read and written again', () => {
  test.each([
    [
      'separators become those of Python',
      '{"a":[1,2,{"b":true}],"c":null}',
      '{"a": [1, 2, {"b": true}], "c": null}',
    ],
    ['blanks between tokens go', ' {\n\t"a" :\r\n [ ] , "b" : { } } ', '{"a": [], "b": {}}'],
    ['blanks in strings stay', '"a , b : c"', '"a , b : c"'],
    ['a long integer keeps its digits', '[18446744073709551616]', '[18446744073709551616]'],
    ['a number keeps its spelling', '[-0.10, 1e400, 1E+2]', '[-0.10, 1e400, 1E+2]'],
    ['what is not ASCII is escaped in lower case', '"héllo ÿ"', '"h\\u00e9llo \\u00ff"'],
    ['what lies beyond 16 bits becomes a pair', '"😀"', '"\\ud83d\\ude00"'],
    ['half a pair stays half', '"\\uD83D"', '"\\ud83d"'],
    ['escapes are the short ones', '"\\u0022\\u005C\\u000a\\r\\t\\f\\b\\/"', '"\\"\\\\\\n\\r\\t\\f\\b/"'],
    ['other control characters are escaped', '"\\u0000\\u001f\u007f"', '"\\u0000\\u001f\\u007f"'],
    ['a backslash before a quote does not end a string', '{"a\\\\": "\\"\\\\"}', '{"a\\\\": "\\"\\\\"}'],
    ['members keep their order, numbers among them', '{"b": 1, "2": 1, "1": 1}', '{"b": 1, "2": 1, "1": 1}'],
    [
      'the last of two members wins in the place of the first',
      '{"a": 1, "b": 2, "a": 3}',
      '{"a": 3, "b": 2}',
    ],
    ['no name is special', '{"__proto__": {"a": 1}}', '{"__proto__": {"a": 1}}'],
    ['a lone value is JSON', 'false', 'false'],
  ])('%s', (_, text, expected) => {
    expect(rewritten(text)).toBe(expected);
  });

  test('of any size', () => {
    const long = `["${'x'.repeat(200_000)}\\n", ${'7'.repeat(4300)}]`;
    expect(rewritten(long)).toBe(long);
    const wide = `[${Array.from({ length: 50_000 }, (_, index) => index).join(', ')}]`;
    expect(rewritten(wide)).toBe(wide);
  });
});

describe('what is refused', () => {
  test.each([
    ['is not JSON in UTF-8', '{"a": NaN}'],
    ['is not JSON in UTF-8', '{"a" 1}'],
    ['is not JSON in UTF-8', ''],
    ['is not JSON in UTF-8', '\ufeff{}'],
    ['is nested deeper than 100', `${'['.repeat(101)}${']'.repeat(101)}`],
    ['is nested deeper than 100', `{"a": ${'['.repeat(90_000)}${']'.repeat(90_000)}, "a": 1}`],
    ['holds a number of more than 4300 digits', `[${'7'.repeat(4301)}]`],
  ])('%s', (fault, text) => {
    expect(faultOf(Buffer.from(text))).toBe(fault);
  });

  test('bytes that are no UTF-8', () => {
    expect(faultOf(Buffer.from('"\xff"', 'latin1'))).toBe('is not JSON in UTF-8');
  });

  test('but not what is nested as deep as that', () => {
    const deep = `${'['.repeat(100)}${']'.repeat(100)}`;
    expect(rewritten(deep)).toBe(deep);
  });
});

test('what is made here is written alike', () => {
  const made: Json = new Map<string, Json>([
    ['text', 'é'],
    ['index', 3],
    ['list', [null, true]],
  ]);
  expect(writeJson(made)).toBe('{"text": "\\u00e9", "index": 3, "list": [null, true]}');
});
