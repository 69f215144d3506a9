import { expect, test } from '@jest/globals';
import { freezeDrive, thawDrive } from './frozen-drive.ts';

const createdAt = new Date('2026-11-20T13:14:15.678Z');
const shared = Buffer.from('{"größe": 12345678901234567890}');
const files = [
  { path: 'openstack/2018-08-27/vendor_data2.json', contents: shared },
  { path: 'openstack/latest/vendor_data2.json', contents: Buffer.from(shared) },
  { path: 'openstack/latest/user_data', contents: Buffer.alloc(0) },
  { path: 'openstack/content/0000', contents: Buffer.from([0, 255, 10, 13]) },
];

test('a frozen drive thaws as it was', () => {
  expect(thawDrive(freezeDrive({ files, createdAt }))).toEqual({ files, createdAt });
  expect(thawDrive(freezeDrive({ files: [], createdAt }))).toEqual({ files: [], createdAt });
});

test('a content is kept once, however many files have it', () => {
  const frozen = freezeDrive({ files, createdAt });
  expect(frozen.toString('latin1').split(shared.toString('latin1'))).toHaveLength(2);
});

test('a frozen drive that lacks something is not thawed', () => {
  const frozen = freezeDrive({ files, createdAt });
  const broken = Buffer.from(frozen.toString('latin1').replace('"content":2', '"content":9'), 'latin1');
  expect(() => thawDrive(broken)).toThrow('lacks a content');
});
