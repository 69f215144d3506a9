import { expect, test } from '@jest/globals';
import { HallmarkError, invalid, notReady, timeout, unavailable } from '@hallmark/errors';
import { verdictOn } from './verdict.ts';

const fault = (reason: string, message: string): unknown => ({ kind: 'final', fault: { reason, message } });
const again = (message: string): unknown => ({ kind: 'again', message });

test.each([
  [
    'the vendordata service decided that a target is needed',
    unavailable('VENDORDATA_TARGET_FAILED', 'Target "a" failed.', { retryAfterSeconds: 5 }),
    fault('VENDORDATA_TARGET_FAILED', 'Target "a" failed.'),
  ],
  [
    'it decided that an answer must not be frozen',
    notReady('VENDORDATA_NOT_FREEZABLE', 'Target "a" says no-store.'),
    fault('VENDORDATA_NOT_FREEZABLE', 'Target "a" says no-store.'),
  ],
  ['it cannot be reached', unavailable('RPC_UNAVAILABLE', 'Gone.'), again('Gone.')],
  ['it is slow', timeout('RPC_DEADLINE_EXCEEDED', 'Slow.'), again('Slow.')],
  [
    'the files do not fit',
    invalid('CONFIG_DRIVE_TOO_LARGE', 'Too large.'),
    fault('CONFIG_DRIVE_FAILED', 'Too large.'),
  ],
  ['nobody knows', new Error('password=hunter2'), again('Something failed inside.')],
])('%s', (_, thrown: HallmarkError | Error, verdict) => {
  expect(verdictOn(thrown)).toEqual(verdict);
});
