import { expect, test } from '@jest/globals';
import { isCarriedRequestId, isRequestId, newRequestId } from './request-id.ts';

test('a new request id is one, and no two are alike', () => {
  const [first, second] = [newRequestId(), newRequestId()];
  expect(isRequestId(first)).toBe(true);
  expect(first).not.toBe(second);
});

const strangers = [
  '',
  'req-1',
  'req-2AE914E9-F5AB-44CE-B2A2-DCF8373D899D',
  '2ae914e9-f5ab-44ce-b2a2-dcf8373d899d',
  'req-2ae914e9-f5ab-44ce-b2a2-dcf8373d899d\n',
];
test.each(strangers)('%j is no request id', (text) => {
  expect(isRequestId(text)).toBe(false);
});

test.each([newRequestId(), 'req-abc', `req-${'x'.repeat(64)}`])('%j may be handed on', (text) => {
  expect(isCarriedRequestId(text)).toBe(true);
});

test.each(['abc', 'req-', `req-${'x'.repeat(65)}`, 'req-a b', 'req-a\n', 'req-ä'])('%j may not', (text) => {
  expect(isCarriedRequestId(text)).toBe(false);
});
