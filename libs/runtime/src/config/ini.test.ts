import { describe, expect, test } from '@jest/globals';
import { normalizeSection, parseIni } from './ini.ts';

/** The last value of each option, as `section.option`. */
function valuesOf(text: string): Record<string, string | undefined> {
  return Object.fromEntries(
    [...parseIni(text).sections].flatMap(([section, { options }]) =>
      [...options].map(([option, values]) => [`${section}.${option}`, values.at(-1)?.text]),
    ),
  );
}

const inDefault = (text: string): string | undefined => valuesOf(`[DEFAULT]\n${text}`)['DEFAULT.x'];

describe('a value', () => {
  const cases: { it: string; text: string; value: string | undefined }[] = [
    { it: 'follows =', text: 'x = 1', value: '1' },
    { it: 'follows :', text: 'x: 1', value: '1' },
    { it: 'follows = where that comes first', text: 'x = http://h:1', value: 'http://h:1' },
    { it: 'follows : where that comes first', text: 'x: a=b', value: 'a=b' },
    { it: 'needs no spaces', text: 'x=1', value: '1' },
    { it: 'loses the spaces around it', text: 'x =   1 \t ', value: '1' },
    { it: 'may be empty', text: 'x =', value: '' },
    { it: 'keeps what looks like a comment', text: 'x = 1 ; note', value: '1 ; note' },
    { it: 'keeps what looks like another comment', text: 'x = 1 # note', value: '1 # note' },
    { it: 'keeps a fragment of a URL', text: 'x = x@http://h/?a=b#f', value: 'x@http://h/?a=b#f' },
    {
      it: 'loses one pair of single quotes',
      text: "x = 'join@http://127.0.0.1:9090/v1/'",
      value: 'join@http://127.0.0.1:9090/v1/',
    },
    { it: 'loses one pair of double quotes', text: 'x = "a"', value: 'a' },
    { it: 'loses one pair only', text: 'x = ""a""', value: '"a"' },
    {
      it: 'loses the outermost pair of a list',
      text: 'x = "a@http://h/", "b@http://i/"',
      value: 'a@http://h/", "b@http://i/',
    },
    { it: 'keeps a quote that is not closed', text: "x = 'abc", value: "'abc" },
    { it: 'keeps quotes that differ', text: `x = 'abc"`, value: `'abc"` },
    { it: 'keeps a lone quote', text: 'x = "', value: '"' },
    { it: 'goes on in a line that begins with spaces', text: 'x = one,\n    two,', value: 'one,\ntwo,' },
    { it: 'goes on in a line that begins with a tab', text: 'x = one\n\ttwo', value: 'one\ntwo' },
    { it: 'goes on in what looks like a comment', text: 'x = 1\n  # note', value: '1\n# note' },
    { it: 'goes on in what looks like a section', text: 'x = 1\n  [api]', value: '1\n[api]' },
    { it: 'keeps quotes in a later line', text: "x = a\n  'b'", value: "a\n'b'" },
    { it: 'keeps quotes that a later line would close', text: "x = 'a\n  b'", value: "'a\nb'" },
    { it: 'goes on after nothing', text: 'x =\n  a', value: '\na' },
    { it: 'is the last one written', text: 'x = 1\nx = 2', value: '2' },
    { it: 'may hold any letters', text: 'x = Zoë ☂', value: 'Zoë ☂' },
    { it: 'is read from lines that end as on Windows', text: 'x = 1\r\n  2\r\n', value: '1\n2' },
    { it: 'belongs to an option whose name has a case', text: 'X = 1', value: undefined },
  ];
  test.each(cases)('$it', ({ text, value }) => {
    expect(parseIni(`[DEFAULT]\n${text}`).faults).toEqual([]);
    expect(inDefault(text)).toBe(value);
  });
});

describe('a section', () => {
  test('may appear again and goes on', () => {
    expect(valuesOf('[api]\na = 1\n[x]\nb = 2\n[api]\nc = 3')).toEqual({
      'api.a': '1',
      'x.b': '2',
      'api.c': '3',
    });
  });

  test('keeps every value of an option that appears twice, with its line', () => {
    expect(parseIni('[api]\na = 1\n\na = 2').sections.get('api')?.options.get('a')).toEqual([
      { text: '1', line: 2 },
      { text: '2', line: 4 },
    ]);
  });

  const names: { written: string; read: string }[] = [
    { written: 'API', read: 'api' },
    { written: 'DEFAULT', read: 'DEFAULT' },
    { written: 'Default', read: 'default' },
    { written: ' api ', read: ' api ' },
    { written: 'Vendordata_Target:Cmdb', read: 'vendordata_target:Cmdb' },
  ];
  test.each(names)('[$written] is $read', ({ written, read }) => {
    expect(normalizeSection(written)).toBe(read);
  });

  test('may follow a byte order mark', () => {
    expect(valuesOf('\uFEFF[api]\na = 1')).toEqual({ 'api.a': '1' });
  });
});

describe('a continuation ends', () => {
  const cases = [
    { it: 'with a blank line', between: '' },
    { it: 'with a line of spaces', between: '   ' },
    { it: 'with a comment in column 1', between: '# note' },
    { it: 'with the other kind of comment', between: '; note' },
    { it: 'with a section', between: '[other]' },
  ];
  test.each(cases)('$it', ({ between }) => {
    const { faults, sections } = parseIni(`[DEFAULT]\nx = 1\n${between}\n  2`);
    expect(sections.get('DEFAULT')?.options.get('x')).toEqual([{ text: '1', line: 2 }]);
    expect(faults).toEqual([
      { line: 4, message: 'begins with white space but continues no value; put the option in column 1' },
    ]);
  });
});

describe('a line in error', () => {
  const cases: { it: string; text: string; faults: string[] }[] = [
    {
      it: 'has neither = nor :',
      text: '[a]\nhunter2',
      faults: ['2 has neither = nor : between an option and its value'],
    },
    { it: 'has no name', text: '[a]\n= 1', faults: ['2 has no option name before the value'] },
    {
      it: 'stands before any section',
      text: 'x = 1\n[a]',
      faults: ['1 x stands before any section; put [DEFAULT] or its section above it'],
    },
    {
      it: 'has something after ]',
      text: '[a] # note',
      faults: ['1 a section must end with ] and nothing after it, not even a comment'],
    },
    {
      it: 'does not close the section',
      text: '[a',
      faults: ['1 a section must end with ] and nothing after it, not even a comment'],
    },
    { it: 'names no section', text: '[]', faults: ['1 the section has no name between [ and ]'] },
    {
      it: 'continues nothing',
      text: '[a]\n  x = 1',
      faults: ['2 begins with white space but continues no value; put the option in column 1'],
    },
    {
      it: 'takes its continuation with it',
      text: '[a]\nhunter2\n  more',
      faults: ['2 has neither = nor : between an option and its value'],
    },
    {
      it: 'takes the options of a broken section with it',
      text: '[a\nx = 1\ny = 2',
      faults: ['1 a section must end with ] and nothing after it, not even a comment'],
    },
  ];
  test.each(cases)('$it', ({ text, faults }) => {
    expect(parseIni(text).faults.map(({ line, message }) => `${line} ${message}`)).toEqual(faults);
  });

  test('hides no other fault and no other value', () => {
    const { faults, sections } = parseIni('a = 1\n[x]\noops\n= 2\nb = 3\n[y');
    expect(faults.map(({ line }) => line)).toEqual([1, 3, 4, 6]);
    expect(sections.get('x')?.options.get('b')).toEqual([{ text: '3', line: 5 }]);
  });
});
