import { readFileSync } from 'node:fs';
import type { InstanceRecord } from '../src/domain/instance-record.ts';

/** An exchange with nova 26.2, as `fixtures/` keeps it. Seeds are left out: Nova's are new each time. */
export interface RecordedExchange {
  readonly path: string;
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** What stands in a recorded body for the seed. */
export const SEED_LEFT_OUT = '<684 characters>';

export const RANDOM_SEED = Buffer.alloc(512, 'an instance keeps its seed');

/** Reads a file of exchanges, recorded from Nova as its metadata proxy sees it. */
export const recordedExchanges = (name: 'nova-tree' | 'nova-bare'): RecordedExchange[] => fixture(name);

/** What Nova sent to a target for the two instances, the full one first. */
export const recordedRequests = (): string[] => fixture('nova-vendordata-requests');

function fixture<T>(name: string): T[] {
  return JSON.parse(readFileSync(`${import.meta.dirname}/fixtures/${name}.json`, 'utf8')) as T[];
}

const CREATED_AT = new Date('2026-01-02T03:04:05Z');

/** The recorded instance without anything that can be left out. */
export const BARE: InstanceRecord = {
  id: 'ccc17f2d-4149-41cd-9d70-11b9c6bce071',
  projectId: 'b1c0ec969e3a4133bea1e08f2c92ec8d',
  userId: '5c1a1f0f7bd94c6f8a2c2f3d8a1b0c9e',
  name: 'bare',
  hostname: 'bare',
  imageId: '6b0a1d1c-4a5e-4c37-9d0e-0a5a7f3b0001',
  kernelId: undefined,
  ramdiskId: undefined,
  flavor: 'm1.small',
  availabilityZone: 'nova',
  launchIndex: 0,
  reservationId: 'r-bare0001',
  userData: undefined,
  metadata: [],
  keypair: undefined,
  networkData: Buffer.from('{}'),
  devices: Buffer.from('[]'),
  dedicatedCpus: [],
  securityGroups: [],
  fixedIpv4: undefined,
  floatingIpv4: undefined,
  rootDevice: undefined,
  blockDevices: [],
  personality: [],
  adminPass: undefined,
  configDriveWanted: false,
  bootRoles: ['reader', 'member'],
  randomSeed: RANDOM_SEED,
  ec2: { instance: 2, image: 1, kernel: undefined, ramdisk: undefined },
  password: undefined,
  status: 'ACTIVE',
  fault: undefined,
  createdAt: CREATED_AT,
  updatedAt: CREATED_AT,
  deletedAt: undefined,
};

/** The recorded instance with a key pair, user data, tags and a port. */
export const WEB: InstanceRecord = {
  ...BARE,
  id: 'c816c437-3a39-4e0f-bfc6-4bc0e64238b2',
  name: 'web',
  hostname: 'web',
  reservationId: 'r-web00001',
  userData: 'I2Nsb3VkLWNvbmZpZwpob3N0bmFtZTogZnJvbS11c2VyLWRhdGEK',
  metadata: [
    { key: 'role', value: 'web' },
    { key: 'tier', value: 'gold' },
  ],
  keypair: {
    name: 'peerkey',
    type: 'ssh',
    publicKey: 'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDpeer peer@example',
  },
  // Both as an orchestrator would write them: without blanks, and in an order of its own.
  networkData: Buffer.from(
    '{"links":[{"id":"tap2222","vif_id":"22222222-2222-2222-2222-222222222222","type":"ovs","mtu":null,' +
      '"ethernet_mac_address":"fa:16:3e:00:00:01"}],"networks":[{"id":"network0","type":"ipv4_dhcp",' +
      '"link":"tap2222","network_id":"33333333-3333-3333-3333-333333333333"}],' +
      '"services":[{"type":"dns","address":"10.1.0.2"}]}',
  ),
  devices: Buffer.from(
    '[{"type":"nic","bus":"pci","address":"0000:00:03.0","mac":"fa:16:3e:00:00:01","tags":["mgmt"],' +
      '"vlan":1000,"vf_trusted":false},{"type":"disk","bus":"ide","address":"0:0","serial":"disk-vol-2352423",' +
      '"path":"/dev/sdb","tags":["db"]}]',
  ),
  securityGroups: ['default', 'web'],
  fixedIpv4: '10.1.0.7',
  rootDevice: '/dev/vda',
  blockDevices: [{ name: 'ebs0', device: '/dev/sdb' }],
  ec2: { instance: 1, image: 1, kernel: undefined, ramdisk: undefined },
};
