import { describe, expect, test } from '@jest/globals';
import { HallmarkError } from '@hallmark/errors';
import { readBoot, readRebuild } from './boot.ts';
import type { ToldBoot } from './told.ts';

const ID = '2ae914e9-f5ab-44ce-b2a2-dcf8373d899d';
const DEFAULTS = { id: ID, reservationId: 'r-abcdefgh', forceConfigDrive: false };
const OWNER = {
  projectId: '6f0b5d0c8f5c4d8f9a3b8e0f2d1c7a90',
  userId: 'aae3b1d9',
  bootRoles: ['member', 'a, b'],
};
const TOLD: ToldBoot = {
  id: '',
  name: 'Mail 1',
  hostname: '',
  imageId: '75a74383-f276-4774-8074-8c4e3ff2ca64',
  kernelId: '',
  ramdiskId: '',
  flavor: 'm1.small',
  launchIndex: 0,
  reservationId: '',
  metadata: [],
  networkData: Buffer.alloc(0),
  devices: Buffer.alloc(0),
  dedicatedCpus: [],
  securityGroups: ['default'],
  fixedIpv4: '10.20.0.7',
  floatingIpv4: '',
  rootDevice: '/dev/vda',
  blockDevices: [],
  personality: [],
  adminPass: '',
  configDrive: false,
};

function faultOf(boot: () => unknown): string {
  try {
    boot();
  } catch (thrown) {
    if (thrown instanceof HallmarkError && thrown.reason === 'INSTANCE_INVALID') return thrown.message;
    throw thrown;
  }
  return 'none';
}

describe('a boot', () => {
  test('is filled in where nothing was told', () => {
    expect(readBoot(TOLD, OWNER, DEFAULTS)).toMatchObject({
      id: ID,
      hostname: 'mail-1',
      kernelId: undefined,
      reservationId: 'r-abcdefgh',
      networkData: Buffer.from('{}'),
      devices: Buffer.from('[]'),
      availabilityZone: undefined,
      userData: undefined,
      adminPass: undefined,
      configDriveWanted: false,
    });
  });

  test('keeps what was told', () => {
    const told = {
      ...TOLD,
      id: 'c816c437-3a39-4e0f-bfc6-4bc0e64238b2',
      hostname: 'a.example.test',
      availabilityZone: '',
      userData: 'IyEv\nYmlu\n',
      networkData: Buffer.from('{"links": [9007199254740993]}'),
      metadata: [
        { key: 'z', value: '' },
        { key: 'a', value: 'é'.repeat(255) },
      ],
      keypair: { name: 'ops', type: '', publicKey: 'ssh-ed25519 AAAA' },
    };
    expect(readBoot(told, OWNER, DEFAULTS)).toMatchObject({
      id: told.id,
      hostname: 'a.example.test',
      availabilityZone: '',
      userData: 'IyEv\nYmlu\n',
      networkData: told.networkData,
      metadata: told.metadata,
      keypair: { name: 'ops', type: 'ssh', publicKey: 'ssh-ed25519 AAAA' },
    });
  });

  test('gets a config drive where all do', () => {
    const defaults = { ...DEFAULTS, forceConfigDrive: true };
    expect(readBoot(TOLD, OWNER, defaults).configDriveWanted).toBe(true);
  });

  const file = { path: '/etc/motd', contents: Buffer.from('hi') };
  test.each<[string, Partial<ToldBoot>]>([
    ['id is no UUID in lower case with dashes.', { id: ID.toUpperCase() }],
    ['image_id is no UUID in lower case with dashes.', { imageId: 'cirros' }],
    ['name has 0 characters, 1 to 255 are allowed.', { name: '' }],
    ['name has 256 characters, 1 to 255 are allowed.', { name: '𝒳'.repeat(256) }],
    ['name has control characters.', { name: 'a\nb' }],
    ['hostname is no host name', { hostname: 'a b' }],
    ['launch_index is negative.', { launchIndex: -1 }],
    ['reservation_id is not r-', { reservationId: 'r-ABCDEFGH' }],
    ['user_data is not base64.', { userData: '#!/bin/sh' }],
    ['user_data is not base64.', { userData: 'IyEvYg' }],
    ['user_data has 65536 characters, at most 65535', { userData: 'A'.repeat(65_536) }],
    ['metadata[0].key has 0 characters', { metadata: [{ key: '', value: '' }] }],
    ['metadata[0].value has 256 characters', { metadata: [{ key: 'k', value: 'v'.repeat(256) }] }],
    ['metadata[0].value has a NUL.', { metadata: [{ key: 'k', value: 'a\0' }] }],
    [
      'metadata[1].key comes twice.',
      {
        metadata: [
          { key: 'k', value: '1' },
          { key: 'k', value: '2' },
        ],
      },
    ],
    [
      'metadata has 129 items, at most 128',
      { metadata: Array.from({ length: 129 }, (_, index) => ({ key: `k${index}`, value: '' })) },
    ],
    ['keypair.type is neither ssh nor x509.', { keypair: { name: 'k', type: 'pgp', publicKey: 'x' } }],
    ['keypair.public_key is missing.', { keypair: { name: 'k', type: 'ssh', publicKey: '' } }],
    ['network_data is not JSON in UTF-8.', { networkData: Buffer.from('{"a": \xff}', 'latin1') }],
    ['network_data is no JSON object.', { networkData: Buffer.from('[]') }],
    [
      'network_data is nested deeper than 100.',
      { networkData: Buffer.from(`{"a": ${'['.repeat(100)}${']'.repeat(100)}}`) },
    ],
    ['devices is no JSON array.', { devices: Buffer.from('{}') }],
    ['devices has members that are no objects.', { devices: Buffer.from('[1]') }],
    ['dedicated_cpus are not sorted ids', { dedicatedCpus: [1, 1] }],
    ['dedicated_cpus are not sorted ids', { dedicatedCpus: [-1] }],
    ['security_groups[0] has control characters.', { securityGroups: ['a\nb'] }],
    ['fixed_ipv4 is no IPv4 address.', { fixedIpv4: '10.0.0.256' }],
    ['floating_ipv4 is no IPv4 address.', { floatingIpv4: '::1' }],
    ['root_device is no path below /dev/.', { rootDevice: 'vda' }],
    ['block_devices[0].name is not swap', { blockDevices: [{ name: 'ami', device: '/dev/vdb' }] }],
    ['block_devices[0].device is no path', { blockDevices: [{ name: 'swap', device: 'vdb' }] }],
    ['personality has 6 files, at most 5', { personality: Array.from({ length: 6 }, () => file) }],
    ['personality[0].path is not absolute.', { personality: [{ ...file, path: 'etc/motd' }] }],
    [
      'personality[0].path has more than 255 bytes',
      { personality: [{ ...file, path: `/${'é'.repeat(128)}` }] },
    ],
    ['personality[1].path comes twice.', { personality: [file, file] }],
    [
      'personality[0].contents has 10241 bytes, at most 10240',
      { personality: [{ ...file, contents: Buffer.alloc(10_241) }] },
    ],
  ])('is refused: %s', (fault, faulty) => {
    expect(faultOf(() => readBoot({ ...TOLD, ...faulty }, OWNER, DEFAULTS))).toContain(fault);
  });

  test.each([
    ['project_id is no id of a project.', { projectId: '' }],
    ['boot_roles[1] has 0 characters', { bootRoles: ['a', ''] }],
    ['user_id has 256 characters', { userId: 'u'.repeat(256) }],
  ])('is refused for its owner: %s', (fault, faulty) => {
    expect(faultOf(() => readBoot(TOLD, { ...OWNER, ...faulty }, DEFAULTS))).toContain(fault);
  });

  test('hears of all its faults at once, and of no value', () => {
    const fault = faultOf(() =>
      readBoot({ ...TOLD, name: '', userData: 's3cr3t!', adminPass: 'x'.repeat(300) }, OWNER, DEFAULTS),
    );
    expect(fault).toBe(
      'name has 0 characters, 1 to 255 are allowed; ' +
        'admin_pass has 300 characters, at most 255 are allowed; user_data is not base64.',
    );
  });
});

describe('a rebuild', () => {
  const told = { imageId: ID };

  test('tells "as it was" from "none"', () => {
    expect(readRebuild(told)).toEqual({
      imageId: ID,
      userData: undefined,
      metadata: undefined,
      keypair: undefined,
    });
    expect(readRebuild({ ...told, userData: '', metadata: { items: [] } })).toMatchObject({
      userData: null,
      metadata: [],
    });
  });

  test('needs an image', () => {
    expect(faultOf(() => readRebuild({ imageId: '' }))).toBe('image_id is missing.');
  });
});
