import type { Json, JsonObject } from './json.ts';
import { SINCE } from './versions.ts';

const BUSES: ReadonlySet<Json> = new Set(['pci', 'usb', 'scsi', 'ide', 'xen', 'none']);

/**
 * The devices that a guest sees in a version, each with its members in Nova's order. Left out is
 * what a version does not know yet: shares, and network interfaces of which it has nothing to tell
 * but that they exist. So is a device of a kind, or on a bus, that Nova does not know.
 */
export const devicesFor = (version: string, devices: readonly Json[]): JsonObject[] =>
  devices.flatMap((device) => (device instanceof Map ? deviceFor(version, device) : []));

function deviceFor(version: string, device: JsonObject): JsonObject[] {
  const bus = device.get('bus') ?? 'none';
  if (!BUSES.has(bus)) return [];
  const place: [string, Json][] = [
    ['bus', bus],
    ['address', device.get('address') ?? 'none'],
  ];
  switch (device.get('type')) {
    case 'nic':
      return interfaceFor(version, device, place);
    case 'disk':
      return [
        new Map([['type', 'disk'], ...given(device, 'serial', 'path'), ...place, ...given(device, 'tags')]),
      ];
    case 'share':
      if (version < SINCE.shares) return [];
      return [new Map([['type', 'share'], ...given(device, 'share_id', 'tag'), ...place])];
    default:
      return [];
  }
}

function interfaceFor(version: string, device: JsonObject, place: [string, Json][]): JsonObject[] {
  const hasVlan = version >= SINCE.vlan && (device.get('vlan') ?? null) !== null;
  const hasTrust = version >= SINCE.vfTrusted;
  const tags = given(device, 'tags');
  if (!hasVlan && !hasTrust && tags.length === 0) return [];
  const shown: JsonObject = new Map(hasVlan ? given(device, 'vlan') : []);
  if (hasTrust) shown.set('vf_trusted', device.get('vf_trusted') ?? false);
  return [new Map([...shown, ['type', 'nic'], ...given(device, 'mac'), ...place, ...tags])];
}

/** Members that are there, with null too: a disk without a serial number says so. */
const given = (device: JsonObject, ...names: string[]): [string, Json][] =>
  names.flatMap((name): [string, Json][] => {
    const value = device.get(name);
    return value === undefined ? [] : [[name, value]];
  });
