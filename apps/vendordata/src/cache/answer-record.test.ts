import { describe, expect, test } from '@jest/globals';
import { decodeRecord, encodeRecord } from './answer-record.ts';
import type { AnswerRecord } from './answer-record.ts';

const freshness = {
  bornAtMs: 1,
  freshUntilMs: 2,
  staleWhileRevalidateUntilMs: 3,
  staleIfErrorUntilMs: 4,
  stretchable: true,
  keepUntilMs: 5,
  status: 200,
  headers: { etag: '"ü"' },
  varied: { accept: null },
};

describe('what replicas tell each other', () => {
  const records: (AnswerRecord & { it: string })[] = [
    {
      it: 'an answer',
      kind: 'answer',
      answer: { json: Buffer.from('{"n": 12345678901234567890, "ü": 1}'), freshness },
    },
    { it: 'an answer of no bytes', kind: 'answer', answer: { json: Buffer.alloc(0), freshness } },
    {
      it: 'a failure',
      kind: 'failed',
      failure: { reason: 'STATUS', status: 503, message: 'It answered 503.' },
    },
  ];
  test.each(records)('comes back as it was: $it', ({ it, ...record }) => {
    expect({ it, ...decodeRecord(encodeRecord(record)) }).toEqual({ it, ...record });
  });

  const whole = encodeRecord({ kind: 'failed', failure: { reason: 'TIMEOUT', message: '' } });
  const other = Buffer.from('{"kind":"later"}');
  test.each([
    { it: 'nothing', bytes: Buffer.alloc(0) },
    { it: 'a part', bytes: whole.subarray(0, 12) },
    { it: 'no JSON', bytes: Buffer.from([0, 0, 0, 1, 120]) },
    { it: 'another kind', bytes: Buffer.concat([Buffer.from([0, 0, 0, other.length]), other]) },
  ])('is not made up from $it', ({ bytes }) => {
    expect(decodeRecord(bytes)).toBeUndefined();
  });
});
