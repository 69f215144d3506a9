import { describe, expect, test } from '@jest/globals';
import { BARE, RANDOM_SEED, WEB } from '../../../test/recorded-instances.ts';
import { metaData } from './meta-data.ts';
import { OPENSTACK_VERSIONS } from './versions.ts';

const NEWEST = '2025-04-04';
const keysIn = (json: string): string[] => Object.keys(JSON.parse(json) as Record<string, unknown>);

describe('the keys of each version', () => {
  const first = [
    'uuid',
    'meta',
    'public_keys',
    'keys',
    'hostname',
    'name',
    'launch_index',
    'availability_zone',
  ];
  const seeded = [...first, 'random_seed'];
  const owned = [...seeded, 'project_id'];
  const withDevices = [...owned, 'devices'];
  const pinned = [...withDevices, 'dedicated_cpus'];

  test.each([
    ['2012-08-10', first],
    ['2013-04-04', seeded],
    ['2013-10-17', seeded],
    ['2015-10-15', owned],
    ['2016-06-30', withDevices],
    ['2016-10-06', withDevices],
    ['2017-02-22', withDevices],
    ['2018-08-27', withDevices],
    ['2020-10-14', pinned],
    ['2025-04-04', pinned],
  ])('%s', (version, keys) => {
    expect(keysIn(metaData(WEB, 'novalocal')(version))).toEqual(keys);
  });

  test('none is forgotten', () => {
    expect(OPENSTACK_VERSIONS).toHaveLength(10);
  });
});

test('what an instance does not have is left out, null or empty', () => {
  expect(metaData({ ...BARE, availabilityZone: undefined }, '')(NEWEST)).toBe(
    '{"uuid": "ccc17f2d-4149-41cd-9d70-11b9c6bce071", "hostname": "bare", "name": "bare", "launch_index": 0, ' +
      `"availability_zone": null, "random_seed": "${RANDOM_SEED.toString('base64')}", ` +
      '"project_id": "b1c0ec969e3a4133bea1e08f2c92ec8d", "devices": [], "dedicated_cpus": []}',
  );
});

test('the seed has 684 characters and stays', () => {
  const seedOf = (version: string) =>
    (JSON.parse(metaData(WEB, '')(version)) as { random_seed: string }).random_seed;
  expect(seedOf('2013-04-04')).toHaveLength(684);
  expect(seedOf(NEWEST)).toBe(seedOf('2013-04-04'));
});

test('users write what they like', () => {
  const record = {
    ...BARE,
    name: 'Größe "1"',
    metadata: [
      { key: '__proto__', value: '\n' },
      { key: '1', value: '😀' },
    ],
    keypair: { name: 'ops', type: 'x509' as const, publicKey: 'line\nline' },
    dedicatedCpus: [2, 3],
  };
  const json = metaData(record, 'cloud.test')(NEWEST);
  expect(json).toContain(
    '"meta": {"__proto__": "\\n", "1": "\\ud83d\\ude00"}, "public_keys": {"ops": "line\\nline"}',
  );
  expect(json).toContain('"keys": [{"name": "ops", "type": "x509", "data": "line\\nline"}]');
  expect(json).toContain('"hostname": "bare.cloud.test", "name": "Gr\\u00f6\\u00dfe \\"1\\""');
  expect(json).toMatch(/"dedicated_cpus": \[2, 3\]\}$/);
});

test('a number in devices is not rounded', () => {
  const devices = Buffer.from('[{"type": "nic", "mac": "m", "vlan": 90071992547409931}]');
  expect(metaData({ ...BARE, devices }, '')(NEWEST)).toContain('"devices": [{"vlan": 90071992547409931, ');
});

test('files and password are told on a drive only', () => {
  const secrets = { files: [{ path: '/etc/motd', contentPath: '/content/0000' }], adminPass: 'pa"ss' };
  const record = {
    ...WEB,
    adminPass: 'pa"ss',
    personality: [{ path: '/etc/motd', contents: Buffer.from('hi') }],
  };
  expect(metaData(record, 'novalocal', secrets)('2012-08-10')).toContain(
    '"tier": "gold"}, "files": [{"path": "/etc/motd", "content_path": "/content/0000"}], ' +
      '"admin_pass": "pa\\"ss", "public_keys": {',
  );
  expect(keysIn(metaData(record, 'novalocal')(NEWEST))).toEqual(keysIn(metaData(WEB, 'novalocal')(NEWEST)));
  expect(metaData(record, 'novalocal')(NEWEST)).not.toContain('/etc/motd');
});
