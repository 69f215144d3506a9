import { describe, expect, test } from '@jest/globals';
import { devicesFor } from './devices.ts';
import { readJson, writeJson } from './json.ts';
import { OPENSTACK_VERSIONS } from './versions.ts';

function shown(version: string, ...devices: Record<string, unknown>[]): string {
  const read = readJson(Buffer.from(JSON.stringify(devices)));
  return writeJson(devicesFor(version, Array.isArray(read) ? read : []));
}

const NEWEST = '2025-04-04';
const NIC = { type: 'nic', mac: 'fa:16:3e:00:00:01', bus: 'pci', address: '0000:00:03.0' };
const PLACE = '"bus": "pci", "address": "0000:00:03.0"';

describe('a network interface', () => {
  const bare = `"type": "nic", "mac": "fa:16:3e:00:00:01", ${PLACE}`;
  test.each([
    ['with tags', { ...NIC, tags: ['mgmt'] }, '2016-06-30', `[{${bare}, "tags": ["mgmt"]}]`],
    [
      'with tags, trust known',
      { ...NIC, tags: ['mgmt'], vf_trusted: true },
      '2017-02-22',
      `[{${bare}, "tags": ["mgmt"]}]`,
    ],
    [
      'with tags, trust known',
      { ...NIC, tags: ['mgmt'], vf_trusted: true },
      '2018-08-27',
      `[{"vf_trusted": true, ${bare}, "tags": ["mgmt"]}]`,
    ],
    ['with a VLAN only', { ...NIC, vlan: 7 }, '2016-10-06', '[]'],
    ['with a VLAN only', { ...NIC, vlan: 7 }, '2017-02-22', `[{"vlan": 7, ${bare}}]`],
    ['with a VLAN only', { ...NIC, vlan: 7 }, '2018-08-27', `[{"vlan": 7, "vf_trusted": false, ${bare}}]`],
    ['with neither', NIC, '2017-02-22', '[]'],
    ['with neither', NIC, '2018-08-27', `[{"vf_trusted": false, ${bare}}]`],
    ['with a VLAN that is unknown', { ...NIC, vlan: null }, '2017-02-22', '[]'],
  ])('%s is told: %j in %s', (_, device, version, expected) => {
    expect(shown(version, device)).toBe(expected);
  });
});

describe('a disk', () => {
  test('is told with members in an order of its own', () => {
    const disk = {
      tags: ['db'],
      path: '/dev/vdb',
      serial: null,
      address: '1:0:0:0',
      bus: 'scsi',
      type: 'disk',
    };
    expect(shown('2016-06-30', disk)).toBe(
      '[{"type": "disk", "serial": null, "path": "/dev/vdb", "bus": "scsi", "address": "1:0:0:0", "tags": ["db"]}]',
    );
  });

  test('may have no serial, path, bus and address', () => {
    expect(shown(NEWEST, { type: 'disk', tags: ['db'] })).toBe(
      '[{"type": "disk", "bus": "none", "address": "none", "tags": ["db"]}]',
    );
  });
});

test('shares are told from 2025-04-04 on', () => {
  const share = { type: 'share', tag: 'exports', share_id: 'ca3c176e-fd5a-438b-b595-e18a358f6909' };
  expect(OPENSTACK_VERSIONS.filter((version) => shown(version, share) !== '[]')).toEqual([NEWEST]);
  expect(shown(NEWEST, share)).toBe(
    '[{"type": "share", "share_id": "ca3c176e-fd5a-438b-b595-e18a358f6909", "tag": "exports", "bus": "none", "address": "none"}]',
  );
});

test('devices of a kind or on a bus that Nova does not know are left out, and so are other members', () => {
  const known = { ...NIC, tags: ['a'], vf_trusted: false, rack: 12 };
  expect(shown(NEWEST, { type: 'gpu', tags: ['a'] }, { ...known, bus: 'nvme' }, { tags: ['a'] }, known)).toBe(
    `[{"vf_trusted": false, "type": "nic", "mac": "fa:16:3e:00:00:01", ${PLACE}, "tags": ["a"]}]`,
  );
});
