import { describe, expect, test } from '@jest/globals';
import { WEB } from '../../../test/recorded-instances.ts';
import { driveFiles } from './drive-files.ts';
import type { DriveFile } from './drive-files.ts';

/** Nova's default. */
const SKIP_VERSIONS = '1.0 2007-01-19 2007-03-01 2007-08-29 2007-10-10 2007-12-15 2008-02-01 2008-09-01';
const TERMS = {
  dhcpDomain: 'novalocal',
  skipVersions: SKIP_VERSIONS,
  vendorData: Buffer.from('{"static-key": "static-value"}'),
  vendorData2: Buffer.from('{"static": {}}'),
};
const RECORD = {
  ...WEB,
  adminPass: 'secret',
  personality: [
    { path: '/etc/motd', contents: Buffer.from('hello') },
    { path: '/etc/empty', contents: Buffer.alloc(0) },
  ],
};

const pathsOf = (files: readonly DriveFile[]): string[] => files.map(({ path }) => path);

function read(files: readonly DriveFile[], path: string): string {
  const file = files.find((candidate) => candidate.path === path);
  if (file === undefined) throw new Error(`There is no ${path}.`);
  return file.contents.toString();
}

test('the layout is that of Nova, in the order in which Nova writes', () => {
  const first = ['meta_data.json', 'user_data'];
  const havana = [...first, 'vendor_data.json'];
  const liberty = [...havana, 'network_data.json'];
  const newton = [...liberty, 'vendor_data2.json'];
  const versions: [string, string[]][] = [
    ['2012-08-10', first],
    ['2013-04-04', first],
    ['2013-10-17', havana],
    ['2015-10-15', liberty],
    ['2016-06-30', liberty],
    ['2016-10-06', newton],
    ['2017-02-22', newton],
    ['2018-08-27', newton],
    ['2020-10-14', newton],
    ['2025-04-04', newton], // master only
    ['latest', newton],
  ];
  expect(pathsOf(driveFiles(RECORD, TERMS))).toEqual([
    'ec2/2009-04-04/user-data',
    'ec2/2009-04-04/meta-data.json',
    'ec2/latest/user-data',
    'ec2/latest/meta-data.json',
    ...versions.flatMap(([version, names]) => names.map((name) => `openstack/${version}/${name}`)),
    'openstack/content/0000',
    'openstack/content/0001',
  ]);
});

// 26.2 writes 45 and 61 files for an instance with one injected file; master's version adds five.
test.each([
  [SKIP_VERSIONS, 50],
  ['', 66],
  ['2009-04-04 latest', 64 - 2],
  ['2016-10-06', 66],
])('skipping "%s" leaves %i files', (skipVersions, count) => {
  const record = { ...RECORD, personality: RECORD.personality.slice(0, 1) };
  expect(driveFiles(record, { ...TERMS, skipVersions })).toHaveLength(count);
});

describe('the contents', () => {
  const files = driveFiles(RECORD, TERMS);

  test('tell of injected files and the password in every version', () => {
    for (const path of pathsOf(files).filter((name) => name.endsWith('/meta_data.json'))) {
      expect(read(files, path)).toContain(
        '"files": [{"path": "/etc/motd", "content_path": "/content/0000"}, ' +
          '{"path": "/etc/empty", "content_path": "/content/0001"}], "admin_pass": "secret", ',
      );
    }
    expect(read(files, 'openstack/content/0000')).toBe('hello');
    expect(read(files, 'openstack/content/0001')).toBe('');
  });

  test('have the one resolution they were given in every version', () => {
    const copies = files.filter(({ path }) => path.endsWith('/vendor_data2.json'));
    expect(new Set(copies.map(({ contents }) => contents))).toEqual(new Set([TERMS.vendorData2]));
    expect(copies).toHaveLength(6);
    expect(read(files, 'openstack/latest/vendor_data.json')).toBe('{"static-key": "static-value"}');
  });

  test('are user data in bytes, and networks as told', () => {
    expect(read(files, 'openstack/latest/user_data')).toBe('#cloud-config\nhostname: from-user-data\n');
    expect(read(files, 'ec2/latest/user-data')).toBe('#cloud-config\nhostname: from-user-data\n');
    expect(read(files, 'openstack/latest/network_data.json')).toMatch(/^\{"links": \[\{"id": "tap2222", /);
  });

  test('follow the rules of their version', () => {
    const all = driveFiles(RECORD, { ...TERMS, skipVersions: '' });
    expect(read(all, 'ec2/1.0/meta-data.json')).not.toContain('public-ipv4');
    expect(read(all, 'ec2/2007-01-19/meta-data.json')).toContain('public-ipv4');
    expect(read(all, 'openstack/2012-08-10/meta_data.json')).not.toContain('random_seed');
    expect(read(all, 'openstack/latest/meta_data.json')).toContain('"dedicated_cpus": []}');
  });

  test('are the same each time', () => {
    expect(driveFiles(RECORD, TERMS)).toEqual(files);
  });
});

test('what there is not is not written', () => {
  const paths = pathsOf(driveFiles({ ...WEB, userData: undefined }, { ...TERMS, vendorData: undefined }));
  expect(paths.filter((path) => /user|vendor_data\.json|content|password/.test(path))).toEqual([]);
  expect(paths).toContain('openstack/latest/vendor_data2.json');
});
