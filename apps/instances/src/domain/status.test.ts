import { expect, test } from '@jest/globals';
import { canMove, type InstanceStatus } from './status.ts';

test.each<[InstanceStatus, InstanceStatus, boolean]>([
  ['BUILD', 'ACTIVE', true],
  ['BUILD', 'ERROR', true],
  ['BUILD', 'DELETED', true],
  ['ACTIVE', 'BUILD', true],
  ['ACTIVE', 'ERROR', false],
  ['ERROR', 'BUILD', true],
  ['ERROR', 'ACTIVE', true],
  ['DELETED', 'BUILD', false],
  ['DELETED', 'ACTIVE', false],
])('from %s to %s: %s', (from, to, allowed) => {
  expect(canMove(from, to)).toBe(allowed);
});
