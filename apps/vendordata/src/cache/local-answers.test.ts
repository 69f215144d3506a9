import { describe, expect, test } from '@jest/globals';
import type { Answer } from './answer-record.ts';
import { LocalAnswers } from './local-answers.ts';

const answer = (bytes: number): Answer => ({
  json: Buffer.alloc(bytes, 'x'),
  freshness: {
    bornAtMs: 0,
    freshUntilMs: 1,
    staleWhileRevalidateUntilMs: 1,
    staleIfErrorUntilMs: 1,
    stretchable: false,
    keepUntilMs: 1,
    status: 200,
    headers: { 'cache-control': 'max-age=60' },
  },
});
const subject = (instanceId: string, target: string) => ({ instanceId, target });

describe('memory', () => {
  test('stays within its bound, and the least used goes first', () => {
    const kept = new LocalAnswers(100_000);
    for (let n = 0; n < 1_000; n += 1) {
      kept.keep(`digest-${n}`, subject('i', 't'), answer(1_000));
      kept.find('digest-0');
    }
    const { entries, sizeBytes, maxBytes } = kept.state();
    expect(sizeBytes).toBeLessThanOrEqual(maxBytes);
    expect(entries).toBeGreaterThan(40);
    expect(kept.find('digest-0')).toBeDefined();
    expect(kept.find('digest-500')).toBeUndefined();
  });

  test('does not take an answer that is larger than all of it', () => {
    const kept = new LocalAnswers(10_000);
    kept.keep('small', subject('i', 't'), answer(10));
    kept.keep('large', subject('i', 't'), answer(20_000));
    expect(kept.find('large')).toBeUndefined();
    expect(kept.find('small')).toBeDefined();
  });

  test('of 0 bytes keeps nothing', () => {
    const kept = new LocalAnswers(0);
    kept.keep('any', subject('i', 't'), answer(0));
    expect(kept.state()).toEqual({ entries: 0, sizeBytes: 0, maxBytes: 0 });
  });

  test('is not held by the larger buffer that an answer was cut from', () => {
    const kept = new LocalAnswers(100_000);
    const read = Buffer.alloc(1_000_000, 'y');
    kept.keep('cut', subject('i', 't'), { ...answer(0), json: read.subarray(5, 15) });
    const json = kept.find('cut')?.json;
    expect(json?.toString()).toBe('yyyyyyyyyy');
    expect(json?.buffer.byteLength).toBe(10);
  });
});

describe('a purge', () => {
  test.each([
    { it: 'of an instance', scope: { instanceId: 'a' }, left: ['b/x', 'b/y'] },
    { it: 'of a target', scope: { target: 'x' }, left: ['a/y', 'b/y'] },
    {
      it: 'of a target about an instance',
      scope: { instanceId: 'a', target: 'x' },
      left: ['a/y', 'b/x', 'b/y'],
    },
    { it: 'of everything', scope: {}, left: [] },
    { it: 'of something else', scope: { instanceId: 'c' }, left: ['a/x', 'a/y', 'b/x', 'b/y'] },
  ])('$it leaves $left', ({ scope, left }) => {
    const kept = new LocalAnswers(100_000);
    const all = ['a/x', 'a/y', 'b/x', 'b/y'];
    for (const name of all) kept.keep(name, subject(name.slice(0, 1), name.slice(2)), answer(1));
    expect(kept.forget(scope)).toBe(all.length - left.length);
    expect(all.filter((name) => kept.find(name) !== undefined)).toEqual(left);
  });
});
