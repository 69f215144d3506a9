import { describe, expect, test } from '@jest/globals';
import type { z } from 'zod';
import {
  addresses,
  bool,
  bracketList,
  byteQuota,
  choice,
  choices,
  dict,
  endpoints,
  float,
  int,
  list,
  multiStr,
  str,
} from './oslo-types.ts';

interface Case {
  type: z.ZodType;
  text: string;
  value?: unknown;
  fault?: string;
}

function check({ type, text, value, fault }: Case): void {
  const { data, error } = type.safeParse(text);
  expect({ value: data, fault: error?.issues[0]?.message }).toEqual({ value, fault });
}

describe('Bool', () => {
  const truths = ['true', 'True', 'TRUE', '1', 'on', 'yes', ' Yes '];
  test.each(truths)('"%s" is true', (text) => check({ type: bool(), text, value: true }));
  const lies = ['false', 'False', '0', 'off', 'No'];
  test.each(lies)('"%s" is false', (text) => check({ type: bool(), text, value: false }));
  const neither = ['', 'y', 't', '2', 'enabled', 'true # note'];
  test.each(neither)('"%s" is a fault', (text) =>
    check({
      type: bool(),
      text,
      fault: `"${text}" is neither true (true, 1, on, yes) nor false (false, 0, off, no)`,
    }),
  );
});

describe('Int and Float', () => {
  const cases: Case[] = [
    { type: int(), text: '5', value: 5 },
    { type: int(), text: ' -5 ', value: -5 },
    { type: int(), text: '+5', value: 5 },
    { type: int(), text: '5.0', fault: '"5.0" is not an integer' },
    { type: int(), text: '0x10', fault: '"0x10" is not an integer' },
    { type: int(), text: '5 # seconds', fault: '"5 # seconds" is not an integer' },
    { type: int({ min: 3 }), text: '3', value: 3 },
    { type: int({ min: 3 }), text: '2', fault: '2 is below the least value, 3' },
    { type: int({ max: 9 }), text: '10', fault: '10 is above the greatest value, 9' },
    { type: float(), text: '0.25', value: 0.25 },
    { type: float(), text: '.5', value: 0.5 },
    { type: float(), text: '5.', value: 5 },
    { type: float(), text: '1e3', value: 1000 },
    { type: float(), text: 'nan', fault: '"nan" is not a number' },
    { type: float(), text: '1e999', fault: '"1e999" is not a number' },
    { type: float({ min: 0.1 }), text: '0', fault: '0 is below the least value, 0.1' },
  ];
  test.each(cases)('$text', check);
});

describe('Str and its choices', () => {
  const cases: Case[] = [
    { type: str(), text: ' as it is ', value: ' as it is ' },
    { type: str(), text: '', value: '' },
    { type: choice('fatal', 'omit'), text: 'omit', value: 'omit' },
    { type: choice('fatal', 'omit'), text: 'Omit', fault: '"Omit" is not one of fatal, omit' },
    { type: choice('fatal', 'omit'), text: '', fault: '"" is not one of fatal, omit' },
  ];
  test.each(cases)('$text', check);
});

describe('List of choices', () => {
  const type = choices('StaticJSON', 'DynamicJSON');
  const oneOf = 'is not one of StaticJSON, DynamicJSON';
  const cases: Case[] = [
    { type, text: 'DynamicJSON,\nStaticJSON', value: ['DynamicJSON', 'StaticJSON'] },
    { type, text: '', value: [] },
    { type, text: 'staticjson', fault: `"staticjson" ${oneOf}, did you mean StaticJSON?` },
    {
      type,
      text: 'StaticJSON, DynamicJson',
      fault: `"DynamicJson" ${oneOf}, did you mean DynamicJSON?`,
    },
    { type, text: 'StaticJSON,,DynamicJSON', fault: `"" ${oneOf}` },
    { type, text: 'vendordata', fault: `"vendordata" ${oneOf}` },
  ];
  test.each(cases)('$text', check);
});

describe('List', () => {
  const cases: Case[] = [
    { type: list(), text: 'one,\ntwo,', value: ['one', 'two'] },
    { type: list(), text: 'StaticJSON,\nDynamicJSON', value: ['StaticJSON', 'DynamicJSON'] },
    { type: list(), text: '', value: [] },
    { type: list(), text: '  ', value: [] },
    { type: list(), text: ',,', value: [] },
    { type: list(), text: ' a , b ', value: ['a', 'b'] },
    { type: list(), text: 'a,,b', value: ['a', '', 'b'] },
    { type: list(), text: 'a,b,,', value: ['a', 'b'] },
    { type: list(), text: 'a, ,', value: ['a', ''] },
    { type: list(), text: '"a,b",c', value: ['"a', 'b"', 'c'] },
    { type: list(), text: 'a\\,b', value: ['a\\', 'b'] },
    { type: list(), text: 'a@http://h/", "b@http://i/', value: ['a@http://h/"', '"b@http://i/'] },
  ];
  test.each(cases)('$text', check);
});

describe('Dict', () => {
  const cases: Case[] = [
    { type: dict(), text: 'k:v,k2:v2', value: { k: 'v', k2: 'v2' } },
    { type: dict(), text: ' k : v , k2 : v2 ', value: { k: 'v', k2: 'v2' } },
    { type: dict(), text: 'k:a:b', value: { k: 'a:b' } },
    { type: dict(), text: 'k:', value: { k: '' } },
    { type: dict(), text: '', value: {} },
    { type: dict(), text: 'a,b:c', value: { 'a,b': 'c' } },
    { type: dict(), text: 'k:v,x', fault: '"x" is not key:value' },
    { type: dict(), text: 'k:v,', fault: '"" is not key:value' },
    { type: dict(), text: ':v', fault: '":v" has no key before the colon' },
    { type: dict(), text: 'k:v,k:w', fault: 'the key "k" appears twice' },
  ];
  test.each(cases)('$text', check);

  test('takes __proto__ as a key like any other', () => {
    const value: unknown = dict().parse('__proto__:x');
    expect(Object.entries(value as object)).toEqual([['__proto__', 'x']]);
  });
});

test('MultiStr keeps commas and order', () => {
  expect(multiStr().parse(['a,b', 'c'])).toEqual(['a,b', 'c']);
});

describe('addresses', () => {
  const cases: Case[] = [
    {
      type: addresses(),
      text: '127.0.0.1:8780, [::1]:8780, :0',
      value: ['127.0.0.1:8780', '[::1]:8780', ':0'],
    },
    {
      type: addresses(),
      text: '8780',
      fault: '"8780" is not an address with a port, such as 127.0.0.1:8780, [::1]:8780 or :8780',
    },
    { type: endpoints(), text: 'identity.example.test:8781', value: ['identity.example.test:8781'] },
    { type: endpoints(), text: ':8781', fault: '":8781" names no host to connect to' },
    { type: endpoints(), text: 'h:0', fault: '"h:0" names no port to connect to' },
  ];
  test.each(cases)('$text', check);
});

describe('List with bounds', () => {
  const cases: Case[] = [
    { type: bracketList(), text: '[]', value: [] },
    { type: bracketList(), text: ' [http, https] ', value: ['http', 'https'] },
    { type: bracketList(), text: `["a,b", 'c', d]`, value: ['a,b', 'c', 'd'] },
    { type: bracketList(), text: 'http,https', fault: '"http,https" does not stand between [ and ]' },
    { type: bracketList(), text: '[', fault: '"[" does not stand between [ and ]' },
    { type: bracketList(), text: '["a" b]', fault: 'there is no comma before "b"' },
  ];
  test.each(cases)('$text', check);
});

describe("Glance's storage quota", () => {
  const fault = (text: string): string => `"${text}" is not a number of bytes, such as 500, 10MB or 2TB`;
  const cases: Case[] = [
    { type: byteQuota(), text: '0', value: 0 },
    { type: byteQuota(), text: '512', value: 512 },
    { type: byteQuota(), text: '2KB', value: 2048 },
    { type: byteQuota(), text: '1TB', value: 2 ** 40 },
    { type: byteQuota(), text: '1 GB', fault: fault('1 GB') },
    { type: byteQuota(), text: '1gb', fault: fault('1gb') },
    { type: byteQuota(), text: '-1', fault: fault('-1') },
    { type: byteQuota(), text: '9999999999TB', fault: fault('9999999999TB') },
  ];
  test.each(cases)('$text', check);
});
