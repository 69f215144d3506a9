import { describe, expect, test } from '@jest/globals';
import { find } from '../../../test/guest.ts';
import { BARE, WEB } from '../../../test/recorded-instances.ts';
import type { InstanceRecord } from '../instance-record.ts';
import { Source } from './documents.ts';
import { ec2MetaData } from './ec2-tree.ts';
import { writeJson } from './json.ts';
import { renderMetadata } from './render-metadata.ts';
import { EC2_VERSIONS } from './versions.ts';

const TERMS = { dhcpDomain: 'novalocal', now: 0 };

/** What a guest reads; undefined is 404. */
const read = (record: InstanceRecord, path: string): string | undefined =>
  find(renderMetadata(record, TERMS), path)?.body;

describe('the leaves of a full instance', () => {
  const record = {
    ...WEB,
    floatingIpv4: '203.0.113.9',
    ec2: { instance: 0x1f, image: 3, kernel: 4, ramdisk: 0xabcdef },
  };
  test.each([
    ['ami-id', 'ami-00000003'],
    ['ami-launch-index', '0'],
    ['ami-manifest-path', 'FIXME'],
    ['hostname', 'web.novalocal'],
    ['instance-id', 'i-0000001f'],
    ['local-ipv4', '10.1.0.7'],
    ['reservation-id', 'r-web00001'],
    ['security-groups', 'default\nweb'],
    ['public-keys', '0=peerkey'],
    ['public-keys/0', 'openssh-key'],
    ['public-keys/0/openssh-key', 'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDpeer peer@example'],
    ['local-hostname', 'web.novalocal'],
    ['public-hostname', 'web.novalocal'],
    ['public-ipv4', '203.0.113.9'],
    ['instance-type', 'm1.small'],
    ['block-device-mapping', 'ami\nebs0\nroot'],
    ['block-device-mapping/ami', 'vda'],
    ['block-device-mapping/root', '/dev/vda'],
    ['block-device-mapping/ebs0', '/dev/sdb'],
    ['kernel-id', 'aki-00000004'],
    ['ramdisk-id', 'ari-00abcdef'],
    ['placement', 'availability-zone'],
    ['placement/availability-zone', 'nova'],
    ['instance-action', 'none'],
  ])('%s', (path, expected) => {
    expect(read(record, `/latest/meta-data/${path}`)).toBe(expected);
    expect(read(record, `/ec2/2009-04-04/meta-data/${path}/`)).toBe(expected);
  });
});

describe('listings', () => {
  test.each([
    ['/', `${EC2_VERSIONS.join('\n')}\nlatest`],
    ['/ec2', `${EC2_VERSIONS.join('\n')}\nlatest`],
    ['/2009-04-04', 'meta-data/\nuser-data'],
    [
      '/1.0/meta-data/',
      'ami-id\nami-launch-index\nami-manifest-path\nhostname\ninstance-id\nlocal-ipv4\npublic-keys/\nreservation-id\nsecurity-groups',
    ],
  ])('%s', (path, expected) => {
    expect(read(WEB, path)).toBe(expected);
  });

  test('a leaf comes with its version', () => {
    const from = (leaf: string) =>
      EC2_VERSIONS.find((version) => read(WEB, `/${version}/meta-data/${leaf}`) !== undefined);
    expect(['public-keys/0', 'public-ipv4', 'instance-type', 'block-device-mapping/root'].map(from)).toEqual([
      '1.0',
      '2007-01-19',
      '2007-08-29',
      '2007-12-15',
    ]);
    expect(['placement/availability-zone', 'instance-action'].map(from)).toEqual([
      '2008-02-01',
      '2008-09-01',
    ]);
  });
});

describe('what there is not', () => {
  test('null is None, and nothing is empty', () => {
    const record = { ...BARE, availabilityZone: undefined, ec2: { ...BARE.ec2, image: undefined } };
    const leaves = ['ami-id', 'placement/availability-zone', 'public-ipv4', 'security-groups'];
    expect(leaves.map((leaf) => read(record, `/latest/meta-data/${leaf}`))).toEqual(['None', 'None', '', '']);
  });

  test('without a fixed address it is the address of whoever asks', () => {
    const path = '/latest/meta-data/local-ipv4';
    expect(find(renderMetadata(BARE, TERMS), path)?.source).toBe(Source.callerAddress);
    expect(find(renderMetadata(WEB, TERMS), path)?.source).toBe(Source.contents);
  });

  test('an unknown root device gets the old mapping', () => {
    const mapping = ['', '/ami', '/ephemeral0', '/root', '/swap'].map((leaf) =>
      read(BARE, `/latest/meta-data/block-device-mapping${leaf}`),
    );
    expect(mapping).toEqual(['ami\nephemeral0\nroot\nswap', 'sda1', 'sda2', '/dev/sda1', 'sda3']);
  });

  test.each([
    '/latest/meta-data/kernel-id',
    '/latest/meta-data/hostname/x',
    '/latest/meta-data/public-keys/0/_name',
    '/latest/meta-data/public-keys/0/openssh-key/x',
    '/latest/meta-data/security-groups/default',
    '/latest/user-data/x',
    '/latest/meta-data/mac',
    '/latest/dynamic',
    '/1.0/meta-data/public-ipv4',
    '/9999-99-99',
    '/LATEST/meta-data',
  ])('%s is not found', (path) => {
    expect(read(WEB, path)).toBeUndefined();
  });
});

test('user data is bytes', () => {
  expect(read({ ...BARE, userData: 'IyEvYmluL3NoCmVjaG8gaGkK' }, '/1.0/user-data')).toBe(
    '#!/bin/sh\necho hi\n',
  );
});

test('the JSON of a drive has members in the order in which Nova inserts them', () => {
  const record = { ...WEB, fixedIpv4: undefined, availabilityZone: undefined, securityGroups: ['default'] };
  expect(writeJson(ec2MetaData('2009-04-04', record, 'novalocal'))).toBe(
    '{"ami-id": "ami-00000001", "ami-launch-index": 0, "ami-manifest-path": "FIXME", "instance-id": "i-00000001", ' +
      '"hostname": "web.novalocal", "local-ipv4": null, "reservation-id": "r-web00001", "security-groups": ["default"], ' +
      '"public-keys": {"0": {"_name": "0=peerkey", "openssh-key": "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDpeer peer@example"}}, ' +
      '"local-hostname": "web.novalocal", "public-hostname": "web.novalocal", "public-ipv4": "", "instance-type": "m1.small", ' +
      '"block-device-mapping": {"ami": "vda", "root": "/dev/vda", "ebs0": "/dev/sdb"}, ' +
      '"placement": {"availability-zone": null}, "instance-action": "none"}',
  );
});
