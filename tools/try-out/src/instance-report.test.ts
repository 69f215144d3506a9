import { expect, test } from '@jest/globals';
import { describeDrive, describeFiles, describeMembers } from './instance-report.ts';

test('shows a document with a line for each service', () => {
  expect(describeMembers('{"static": {}, "inventory": {"rack": "r12"}}')).toBe(
    '   { "static": {},\n     "inventory": {"rack":"r12"} }',
  );
});

test('shows the newest files of a drive, and counts the others', () => {
  const paths = [
    'ec2/2009-04-04/meta-data.json',
    'ec2/latest/meta-data.json',
    'openstack/2012-08-10/meta_data.json',
    'openstack/2013-04-04/meta_data.json',
    'openstack/content/0000',
    'openstack/latest/meta_data.json',
  ];
  expect(describeFiles(paths.map((path, size) => ({ path, size })))).toBe(
    `   ec2/latest/meta-data.json            1
   openstack/content/0000               4
   openstack/latest/meta_data.json      5
   and 3 files of 3 older versions, ec2/2009-04-04 to openstack/2013-04-04`,
  );
});

test('says what of a drive will not stay true', () => {
  const drive = { format: 'iso9660', size: 2048, sha256: 'ab', short_lived_targets: [] };
  expect(describeDrive({ drive })).toBe('   iso9660, 2048 bytes, sha256 ab');
  const noted = { ...drive, short_lived_targets: ['slow', 'access'] };
  expect(describeDrive({ drive: noted })).toContain('a short time only: slow, access');
});
