import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createHash, randomBytes } from 'node:crypto';
import { DigestThreads, type Digesting, type Digests } from './digest-threads.ts';

const MIB = 1024 * 1024;

let threads: DigestThreads;
beforeEach(() => {
  threads = new DigestThreads();
});
afterEach(async () => threads[Symbol.asyncDispose]());

async function feed(digesting: Digesting, data: Buffer, pieceBytes: number): Promise<void> {
  for (let at = 0; at < data.length; at += pieceBytes)
    await digesting.add(data.subarray(at, Math.min(at + pieceBytes, data.length)));
}

const expected = (data: Buffer, algorithm: string): Digests => ({
  checksum: createHash('md5').update(data).digest('hex'),
  hashValue: createHash(algorithm).update(data).digest('hex'),
});

describe('data is digested', () => {
  test.each([
    ['none at all', 0, 1],
    ['a byte', 1, 1],
    ['less than a batch', MIB / 4 - 1, 65_536],
    ['a batch', MIB / 4, 65_536],
    ['more than are on their way', 7 * MIB + 12_345, 64_007],
    ['in pieces larger than a batch', 9 * MIB, 3 * MIB],
  ])('%s', async (_, bytes, pieceBytes) => {
    const data = randomBytes(bytes);
    const digesting = threads.begin('sha512');
    await feed(digesting, data, pieceBytes);
    expect(await digesting.finish()).toEqual(expected(data, 'sha512'));
  });

  test('of many images at once, each by its own algorithm', async () => {
    const many = ['sha512', 'sha256', 'md5', 'sha1', 'sha512', 'sha3-256'].map(async (algorithm, index) => {
      const data = randomBytes((index + 1) * MIB + index);
      const digesting = threads.begin(algorithm);
      await feed(digesting, data, 50_000 + index);
      return [await digesting.finish(), expected(data, algorithm)];
    });
    for (const [found, wanted] of await Promise.all(many)) expect(found).toEqual(wanted);
  });

  test('and left half-way without a trace', async () => {
    const left = threads.begin('sha512');
    await feed(left, randomBytes(3 * MIB), 65_536);
    left.abandon();
    left.abandon();
    const data = randomBytes(3 * MIB);
    const digesting = threads.begin('sha512');
    await feed(digesting, data, 65_536);
    expect(await digesting.finish()).toEqual(expected(data, 'sha512'));
  });

  test('by a new thread after one that ended, whose data fails', async () => {
    const digesting = threads.begin('sha512');
    await feed(digesting, randomBytes(2 * MIB), 65_536);
    await threads[Symbol.asyncDispose]();
    await expect(
      feed(digesting, randomBytes(20 * MIB), 65_536).then(async () => digesting.finish()),
    ).rejects.toThrow('The thread that digests data has ended.');
    digesting.abandon();

    const data = randomBytes(2 * MIB);
    const next = threads.begin('sha512');
    await feed(next, data, 65_536);
    expect(await next.finish()).toEqual(expected(data, 'sha512'));
  });
});
