import { expect, test } from '@jest/globals';
import { composeCloudInit } from './compose-cloud-init.ts';

interface Case {
  it: string;
  answers: Record<string, string>;
  composed: string;
  dropped?: { target: string; found: string }[];
}

const cases: Case[] = [
  {
    it: 'takes a string as one part',
    answers: { cmdb: '{"cloud-init": "#cloud-config\\n"}' },
    composed: '["#cloud-config\\n"]',
  },
  {
    it: 'keeps the configured order over strings and arrays',
    answers: { a: '{"cloud-init": ["1", "2"]}', 'cloud-init': '"3"', b: '{"x": 1, "cloud-init": "4"}' },
    composed: '["1","2","3","4"]',
  },
  {
    it: 'takes the whole answer of the target cloud-init',
    answers: { 'cloud-init': '["1", "2"]' },
    composed: '["1","2"]',
  },
  {
    it: 'takes nothing from null and emptiness',
    answers: {
      a: '{"cloud-init": null}',
      b: '{"cloud-init": ""}',
      c: '{"cloud-init": []}',
      d: '{"cloud-init": {}}',
      'cloud-init': '{}',
    },
    composed: '[]',
  },
  {
    it: 'looks into no answer but objects',
    answers: { a: '["cloud-init"]', b: '"cloud-init"', c: 'null', d: '7' },
    composed: '[]',
  },
  { it: 'does not search deeper', answers: { a: '{"static": {"cloud-init": "x"}}' }, composed: '[]' },
  {
    it: 'drops what cloud-init would choke on, and keeps the rest',
    answers: {
      a: '{"cloud-init": {"runcmd": []}}',
      b: '{"cloud-init": [7, "ok", ["x"], null]}',
      'cloud-init': 'true',
    },
    composed: '["ok"]',
    dropped: [
      { target: 'a', found: 'an object' },
      { target: 'b', found: 'a number' },
      { target: 'b', found: 'an array inside the array' },
      { target: 'cloud-init', found: 'a boolean' },
    ],
  },
  {
    it: 'is not misled by a prototype',
    answers: { a: '{"__proto__": {"cloud-init": "x"}}' },
    composed: '[]',
  },
];

test.each(cases)('$it', ({ answers, composed, dropped = [] }) => {
  const given = Object.entries(answers).map(([target, json]) => ({ target, json: Buffer.from(json) }));
  const composition = composeCloudInit(given);
  expect(composition.json.toString()).toBe(composed);
  expect(composition.isEmpty).toBe(composed === '[]');
  expect(composition.dropped).toEqual(dropped);
});
