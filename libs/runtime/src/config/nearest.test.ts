import { describe, expect, test } from '@jest/globals';
import { nearest } from './nearest.ts';

describe('nearest', () => {
  const known = ['workers', 'ops_listen', 'listen', 'allowed_clients', 'rpc'];
  const cases: { word: string; meant: string | undefined }[] = [
    { word: 'workerss', meant: 'workers' },
    { word: 'wrokers', meant: 'workers' },
    { word: 'WORKERS', meant: 'workers' },
    { word: 'listn', meant: 'listen' },
    { word: 'opslisten', meant: 'ops_listen' },
    { word: 'allow_clients', meant: 'allowed_clients' },
    { word: 'rpx', meant: 'rpc' },
    { word: 'rdp', meant: undefined },
    { word: 'gibberish', meant: undefined },
    { word: '', meant: undefined },
  ];
  test.each(cases)('$word means $meant', ({ word, meant }) => {
    expect(nearest(word, known)).toBe(meant);
  });
});
