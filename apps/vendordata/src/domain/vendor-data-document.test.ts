import { expect, test } from '@jest/globals';
import { composeVendorData2, type Provider } from './vendor-data-document.ts';

interface Case {
  it: string;
  providers: readonly Provider[];
  parts: Readonly<Record<string, string>>;
  document: string;
}

const file = '{"ldap": 12345678901234567890}';

const cases: Case[] = [
  {
    it: 'the file and then the targets',
    providers: ['StaticJSON', 'DynamicJSON'],
    parts: { a: '1.0', b: '{"x":1e400}' },
    document: `{"static": ${file}, "a": 1.0, "b": {"x":1e400}}`,
  },
  {
    it: 'the targets and then the file',
    providers: ['DynamicJSON', 'StaticJSON'],
    parts: { a: '1' },
    document: `{"a": 1, "static": ${file}}`,
  },
  { it: 'the targets alone', providers: ['DynamicJSON'], parts: { a: '1' }, document: '{"a": 1}' },
  {
    it: 'a target named static alone',
    providers: ['DynamicJSON'],
    parts: { static: '1' },
    document: '{"static": 1}',
  },
  { it: 'the file alone', providers: ['StaticJSON'], parts: {}, document: `{"static": ${file}}` },
  {
    it: 'the file over a target of its name, before it',
    providers: ['StaticJSON', 'DynamicJSON'],
    parts: { static: '1' },
    document: `{"static": ${file}}`,
  },
  {
    it: 'the file over a target of its name, behind it',
    providers: ['DynamicJSON', 'StaticJSON'],
    parts: { static: '1' },
    document: `{"static": ${file}}`,
  },
  {
    it: 'the targets once, however often they are named',
    providers: ['DynamicJSON', 'DynamicJSON'],
    parts: { a: '1' },
    document: '{"a": 1}',
  },
  { it: 'nothing', providers: [], parts: {}, document: '{}' },
  { it: 'any name', providers: ['DynamicJSON'], parts: { 'a"\n': '1' }, document: '{"a\\"\\n": 1}' },
];

test.each(cases)('$it', ({ providers, parts, document }) => {
  const given = Object.entries(parts).map(([name, json]) => ({ name, json: Buffer.from(json) }));
  expect(composeVendorData2(providers, Buffer.from(file), given).toString()).toBe(document);
});
