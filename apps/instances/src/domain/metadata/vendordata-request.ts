import type { InstanceRecord } from '../instance-record.ts';
import { writeJson } from './json.ts';
import type { Json } from './json.ts';
import { userMetadata } from './record-content.ts';

/**
 * The instance as vendordata targets are told of it, byte for byte as Nova does. Role names are
 * joined with commas though a name may hold one: that is the format. What tells them apart is in
 * the record.
 */
export function vendordataRequest(record: InstanceRecord): Buffer {
  return Buffer.from(
    writeJson(
      new Map<string, Json>([
        ['project-id', record.projectId],
        ['instance-id', record.id],
        ['image-id', record.imageId ?? ''],
        ['user-data', record.userData ?? null],
        ['hostname', record.hostname],
        ['metadata', userMetadata(record)],
        ['boot-roles', record.bootRoles.join(',')],
      ]),
    ),
  );
}
