import { expect, test } from '@jest/globals';
import { cameFromMemory, describeAnswer, describeCall, describeParts } from './report.ts';

const FIRST = {
  path: '/vendordata',
  status: 200,
  ms: 412.34,
  body: '{"inventory": {"rack": "r12"}, "broken": {}}',
  cacheControl: 'no-store',
  age: undefined,
  serverTiming:
    'gateway;dur=410.0;desc="miss", inventory;dur=5.2;desc="fresh", broken;dur=12.0;desc="omitted"',
};

test('shows the document and why each part is what it is', () => {
  expect(describeAnswer(FIRST)).toBe(`   {
     "inventory": {
       "rack": "r12"
     },
     "broken": {}
   }

   inventory  fresh       5.2 ms   the service answered just now
   broken     omitted      12 ms   the service failed; {} in its place, as its policy says

   Cache-Control: no-store`);
});

test('tells how long the call took', () => {
  expect(describeCall(FIRST)).toBe('POST /vendordata  ->  200 in 412 ms');
});

test('knows an answer that no other process was asked for', () => {
  const repeated = {
    ...FIRST,
    cacheControl: 'max-age=300',
    age: '2',
    serverTiming: 'gateway;desc="hit", inventory;dur=0.0;desc="cached"',
  };
  expect(cameFromMemory(FIRST)).toBe(false);
  expect(cameFromMemory(repeated)).toBe(true);
  expect(describeParts(repeated)).toContain('Cache-Control: max-age=300, Age: 2');
});
