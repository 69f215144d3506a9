import { ref, uuid, type JsonSchema } from './json-schema.ts';

const TEXT: JsonSchema = { type: 'string' };
const TEXT_OR_NULL: JsonSchema = { type: ['string', 'null'] };
const TIME: JsonSchema = { type: 'string', format: 'date-time' };
const orNull = (schema: JsonSchema): JsonSchema => ({ anyOf: [schema, { type: 'null' }] });

/** An object that always has all of its members. */
const record = (properties: Record<string, JsonSchema>, description?: string): JsonSchema => ({
  type: 'object',
  ...(description === undefined ? {} : { description }),
  additionalProperties: false,
  required: Object.keys(properties),
  properties,
});

const summary: Record<string, JsonSchema> = {
  id: uuid('Its id.'),
  name: TEXT,
  hostname: TEXT,
  status: {
    type: 'string',
    enum: ['BUILD', 'ACTIVE', 'ERROR', 'DELETED'],
    description: 'BUILD: wait. ACTIVE: it may boot. ERROR: it must not boot, `fault` says why.',
  },
  fault: orNull(ref('Fault')),
  project_id: TEXT,
  user_id: TEXT,
  boot_roles: {
    type: 'array',
    items: TEXT,
    description: 'Names of the roles in the token of the boot request. They never change.',
  },
  image_id: TEXT_OR_NULL,
  kernel_id: TEXT_OR_NULL,
  ramdisk_id: TEXT_OR_NULL,
  flavor: TEXT_OR_NULL,
  availability_zone: TEXT_OR_NULL,
  launch_index: { type: 'integer' },
  reservation_id: TEXT_OR_NULL,
  metadata: { type: 'object', additionalProperties: TEXT },
  keypair: orNull(record({ name: TEXT, type: TEXT, public_key: TEXT })),
  dedicated_cpus: { type: 'array', items: { type: 'integer' } },
  security_groups: { type: 'array', items: TEXT },
  fixed_ipv4: TEXT_OR_NULL,
  floating_ipv4: TEXT_OR_NULL,
  root_device: TEXT_OR_NULL,
  block_devices: { type: 'array', items: record({ name: TEXT, device: TEXT }) },
  config_drive: { type: 'boolean', description: 'Whether it was booted with the wish for a config drive.' },
  drive: orNull(ref('ConfigDrive')),
  created_at: TIME,
  updated_at: TIME,
};

/** What a caller gets. */
export const responseSchemas = {
  Fault: record(
    {
      reason: { type: 'string', description: 'Stable word, such as VENDORDATA_TARGET_FAILED.' },
      message: TEXT,
      created_at: TIME,
    },
    'Why a build failed.',
  ),
  ConfigDrive: record(
    {
      format: { type: 'string', enum: ['iso9660', 'vfat'] },
      size: { type: 'integer', description: 'In bytes.' },
      sha256: { type: 'string', description: 'In lower-case hex.' },
      short_lived_targets: {
        type: 'array',
        items: TEXT,
        description: 'Targets whose answer was frozen though it wanted to be fresher, or was left off.',
      },
    },
    'A built config drive.',
  ),
  InstanceSummary: record(summary, 'An instance in a list. What only its guest may read is never shown.'),
  Instance: record(
    { ...summary, network_data: { type: 'object' }, devices: { type: 'array', items: { type: 'object' } } },
    'An instance. What only its guest may read is never shown.',
  ),
  InstanceList: {
    type: 'object',
    description: 'A page of instances, newest first.',
    additionalProperties: false,
    required: ['instances'],
    properties: {
      instances: { type: 'array', items: ref('InstanceSummary') },
      next: { type: 'string', format: 'uri-reference', description: 'The next page. Absent on the last.' },
    },
  },
  Version: record({
    version: record({
      id: TEXT,
      status: TEXT,
      links: { type: 'array', items: record({ rel: TEXT, href: TEXT }) },
    }),
  }),
  Error: {
    type: 'object',
    additionalProperties: false,
    required: ['error'],
    properties: {
      error: {
        type: 'object',
        additionalProperties: false,
        required: ['code', 'title', 'message', 'reason'],
        properties: {
          code: { type: 'integer', description: 'The status.' },
          title: TEXT,
          message: { type: 'string', description: 'For a person.' },
          reason: { type: 'string', description: 'Stable word in UPPER_SNAKE_CASE, for programs.' },
          faults: {
            type: 'array',
            description: 'All that is wrong with the body or the query.',
            items: record({
              pointer: { type: 'string', description: 'JSON Pointer (RFC 6901) of the value.' },
              message: TEXT,
            }),
          },
        },
      },
    },
  },
} satisfies Record<string, JsonSchema>;
