import { createHmac } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { SharedSecrets } from './shared-secrets.ts';

const ID = '2ae914e9-f5ab-44ce-b2a2-dcf8373d899d';
const signatureOf = (id: string, secret: string): string =>
  createHmac('sha256', secret).update(id).digest('hex');

test.each(['first', 'second'])('what was signed with the %s of several secrets is known again', (secret) => {
  const secrets = new SharedSecrets(['first', 'second']);
  const right = signatureOf(ID, secret);
  for (let time = 1; time <= 3; time++) expect(secrets.signed(ID, right)).toBe(true);
  expect(secrets.signed(ID, signatureOf(ID, 'third'))).toBe(false);
});

test('a part of the right signature is none, right after the whole', () => {
  const secrets = new SharedSecrets(['secret']);
  const right = signatureOf(ID, 'secret');
  for (const wrong of ['', right.slice(0, 1), right.slice(0, -1), `${right}0`, `${right}${right}`]) {
    expect(secrets.signed(ID, right)).toBe(true);
    expect(secrets.signed(ID, wrong)).toBe(false);
  }
  const other = 'c816c437-3a39-4e0f-bfc6-4bc0e64238b2';
  expect(secrets.signed(other, right)).toBe(false);
  expect(secrets.signed(other, '')).toBe(false);
});
