import { describe, expect, test } from '@jest/globals';
import { HallmarkError } from '@hallmark/errors';
import { STATUSES, type ImageStatus } from './image.ts';
import {
  requireInjectionQuota,
  requireLocationQuota,
  requirePropertyQuota,
  requireSizeCap,
  requireStorageQuota,
  requireTagQuota,
} from './quota.ts';
import {
  mayFollow,
  requireActivation,
  requireDeletable,
  requireFormats,
  requireTransition,
} from './status.ts';

function told(action: () => void): string {
  try {
    action();
  } catch (error) {
    if (error instanceof HallmarkError) return `${error.code} ${error.reason} ${error.message}`;
    throw error;
  }
  return 'fine';
}

describe('Status', () => {
  test.each<[ImageStatus, ImageStatus[]]>([
    ['queued', ['saving', 'active', 'deleted', 'uploading', 'importing']],
    ['saving', ['queued', 'active', 'killed', 'deleted']],
    ['uploading', ['queued', 'deleted', 'importing']],
    ['importing', ['queued', 'active', 'deleted', 'uploading']],
    ['active', ['deleted', 'pending_delete', 'deactivated']],
    ['deactivated', ['active', 'deleted']],
    ['deleted', []],
  ])('after %s', (from, next) => {
    expect(STATUSES.filter((to) => mayFollow(from, to))).toEqual(next);
  });

  test('a move that is not in the table is told with both ends', () => {
    expect(told(() => requireTransition('active', 'saving'))).toBe(
      'not-ready STATUS_TRANSITION Image status transition from active to saving is not allowed',
    );
    expect(told(() => requireDeletable('deleted'))).toBe(
      'invalid STATUS_ILLEGAL Image status transition from deleted to deleted is not allowed',
    );
    expect(told(() => requireActivation('reactivate', 'queued'))).toBe(
      "forbidden ACTION_NOT_ALLOWED Not allowed to reactivate image in status 'queued'",
    );
  });

  test.each([
    ['saving', null, 'bare', 'invalid FORMATS_UNSET Property disk_format must be set prior to saving data.'],
    [
      'importing',
      null,
      null,
      'invalid FORMATS_UNSET Properties disk_format, container_format must be set prior to saving data.',
    ],
    ['uploading', null, null, 'fine'],
    ['active', 'raw', 'bare', 'fine'],
  ] as const)('to %s with %s in %s', (to, diskFormat, containerFormat, text) => {
    expect(told(() => requireFormats(to, { diskFormat, containerFormat }))).toBe(text);
  });
});

const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `p${index}`);

describe('Quota', () => {
  test.each([
    ['exactly the maximum', [], names(128), 128, 'fine'],
    [
      'one more',
      names(128),
      names(129),
      128,
      'over-quota PROPERTY_QUOTA The limit has been exceeded on the number of allowed image properties. Attempted: 129, Maximum: 128',
    ],
    ['no name more than before, above a lowered quota', names(9), names(8), 4, 'fine'],
    ['internal names do not count', names(4), [...names(4), 'os_glance_x'], 4, 'fine'],
    ['-1 is no limit', [], names(999), -1, 'fine'],
    [
      '0 is none at all',
      [],
      names(1),
      0,
      'over-quota PROPERTY_QUOTA The limit has been exceeded on the number of allowed image properties. Attempted: 1, Maximum: 0',
    ],
  ])('of properties: %s', (_, before, after, maximum, text) => {
    expect(told(() => requirePropertyQuota(before, after, maximum))).toBe(text);
  });

  test.each([
    ['125 + 3', names(125), ['a', 'b', 'c'], 128, 'fine'],
    [
      '126 + 3',
      names(126),
      ['a', 'b', 'c'],
      128,
      'over-quota PROPERTY_QUOTA Image property quota exceeded: 126 user properties plus 3 injected exceed the maximum of 128.',
    ],
    ['126, of which one is injected anew', [...names(125), 'a'], ['a', 'b', 'c'], 128, 'fine'],
    ['no limit', names(200), ['a'], -1, 'fine'],
  ])('with injection: %s', (_, own, injected, maximum, text) => {
    expect(told(() => requireInjectionQuota(own, injected, maximum))).toBe(text);
  });

  test('of the rest', () => {
    expect([
      told(() => requireTagQuota(3, 2)),
      told(() => requireLocationQuota(11, 10)),
      told(() => requireSizeCap(11, 10)),
      told(() => requireSizeCap(10, 10)),
      told(() => requireStorageQuota(5, 96, 100)),
      told(() => requireStorageQuota(4, 96, 100)),
      told(() => requireStorageQuota(5, 96, 0)),
    ]).toEqual([
      'over-quota TAG_QUOTA The limit has been exceeded on the number of allowed image tags. Attempted: 3, Maximum: 2',
      'over-quota LOCATION_QUOTA The limit has been exceeded on the number of allowed image locations. Attempted: 11, Maximum: 10',
      'over-quota SIZE_CAP The incoming image is too large: The provided image is too large.',
      'fine',
      'over-quota STORAGE_QUOTA Image exceeds the storage quota: The size of the data 5 will exceed the limit. 4 bytes remaining.',
      'fine',
      'fine',
    ]);
  });
});
