import { describe, expect, test } from '@jest/globals';
import { membersOf, objectText, stringsOf } from './json-text.ts';

describe('the members of an object', () => {
  const cases: { json: string; members: [string, string][] }[] = [
    { json: '{}', members: [] },
    { json: ' {\n} ', members: [] },
    { json: '{"a":1}', members: [['a', '1']] },
    {
      json: '{"b":true,"2":null,"1":-1.50e+3}',
      members: [
        ['b', 'true'],
        ['2', 'null'],
        ['1', '-1.50e+3'],
      ],
    },
    { json: '{"n": 12345678901234567890 }', members: [['n', '12345678901234567890']] },
    {
      json: '{ "a" : { "b" : [ 1 , "}" ] } , "c" : [ ] }',
      members: [
        ['a', '{ "b" : [ 1 , "}" ] }'],
        ['c', '[ ]'],
      ],
    },
    {
      json: String.raw`{"a\"}":"\\","\u00e9":"\"{"}`,
      members: [
        ['a"}', String.raw`"\\"`],
        ['é', String.raw`"\"{"`],
      ],
    },
    {
      json: '{"a":1,"b":2,"a":3}',
      members: [
        ['a', '3'],
        ['b', '2'],
      ],
    },
    {
      json: '{"__proto__":{"x":1},"constructor":[]}',
      members: [
        ['__proto__', '{"x":1}'],
        ['constructor', '[]'],
      ],
    },
    {
      json: '{"a":[[],{},[{}]],"b":[1,2,[3]]}',
      members: [
        ['a', '[[],{},[{}]]'],
        ['b', '[1,2,[3]]'],
      ],
    },
  ];

  test.each(cases)('$json', ({ json, members }) => {
    expect([...membersOf(json)]).toEqual(members);
  });

  test('of a long string need no stack', () => {
    const value = JSON.stringify('"\\x'.repeat(500_000));
    expect(membersOf(`{"a":${value}}`).get('a')).toBe(value);
  });

  test('of a deep value need no stack', () => {
    const value = '['.repeat(200_000) + ']'.repeat(200_000);
    expect(membersOf(`{"a":${value}}`).get('a')).toBe(value);
  });

  test('come back as they were', () => {
    const json = '{"10":"x","2":"y","a":"z"}';
    expect(objectText(membersOf(json))).toBe(json);
    expect(stringsOf(json)).toEqual([
      ['10', 'x'],
      ['2', 'y'],
      ['a', 'z'],
    ]);
  });
});
