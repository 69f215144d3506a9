import { ref, uuid, type JsonSchema } from './json-schema.ts';

/** Neither NUL, which PostgreSQL does not store, nor half a character, which UTF-8 cannot write. */
const TEXT: JsonSchema = {
  type: 'string',
  pattern: '^[^\\u0000\\p{Cs}]*$',
  'x-must': 'be text without NUL and without unpaired surrogates',
};

const NAME: JsonSchema = {
  type: 'string',
  minLength: 1,
  maxLength: 255,
  pattern: '^(?!\\s)[^\\p{Cc}\\p{Cs}]*(?<!\\s)$',
  'x-must': 'be text without control characters, and without blanks at its ends',
};

const ipv4 = (description: string): JsonSchema => ({
  type: 'string',
  format: 'ipv4',
  'x-must': 'be an IPv4 address',
  description,
});

const device = (description: string): JsonSchema => ({
  type: 'string',
  pattern: '^/dev/[a-zA-Z0-9/_-]+$',
  maxLength: 255,
  'x-must': 'be the path of a device below /dev/',
  description,
});

const base64 = (maxLength: number, description: string): JsonSchema => ({
  type: 'string',
  format: 'base64',
  contentEncoding: 'base64',
  maxLength,
  'x-must': 'be base64 of RFC 4648, padded',
  writeOnly: true,
  description,
});

/** Nova's own limit, in characters of base64. */
const USER_DATA_LIMIT = 65_535;
/** Nova's 10240 bytes, in characters of base64. */
const PERSONALITY_LIMIT = 13_656;

const named = (schema: JsonSchema, description: string): JsonSchema => ({ ...schema, description });

const IMAGE_ID = uuid('The image. Left out at a boot: it boots from a volume.');
const USER_DATA = base64(
  USER_DATA_LIMIT,
  'The user data in base64. It is never shown again but to the guest.',
);

/** What a caller sends. */
export const requestSchemas = {
  Metadata: {
    type: 'object',
    description: "The user's metadata, in the user's order.",
    propertyNames: {
      type: 'string',
      pattern: '^[a-zA-Z0-9\\-_:. ]{1,255}$',
      'x-must': 'have a name of 1 to 255 letters, digits, blanks or -_:.',
    },
    additionalProperties: { ...TEXT, maxLength: 255 },
    examples: [{ role: 'mail' }],
  },
  Keypair: {
    type: 'object',
    description: 'The key pair with which its user logs in.',
    additionalProperties: false,
    required: ['name', 'public_key'],
    properties: {
      name: NAME,
      type: { type: 'string', enum: ['ssh', 'x509'], default: 'ssh' },
      public_key: { ...TEXT, minLength: 1, maxLength: 65_535 },
    },
  },
  BlockDevice: {
    type: 'object',
    additionalProperties: false,
    required: ['name', 'device'],
    properties: {
      name: {
        type: 'string',
        pattern: '^(?:swap|(?:ephemeral|ebs)[0-9]{1,4})$',
        'x-must': 'be swap, ephemeral0, ebs0 or their like',
        description: 'What EC2 calls it.',
      },
      device: device('Where the guest sees it.'),
    },
  },
  PersonalityFile: {
    type: 'object',
    description: 'A file for the config drive.',
    additionalProperties: false,
    required: ['path', 'contents'],
    properties: {
      path: {
        type: 'string',
        pattern: '^/[^\\p{Cc}\\p{Cs}]+$',
        maxLength: 255,
        'x-must': 'be an absolute path without control characters',
      },
      contents: base64(PERSONALITY_LIMIT, 'The bytes in base64, at most 10240 of them.'),
    },
  },
  BootRequest: {
    type: 'object',
    description: 'What boots. Its project, user and boot roles are those of the token.',
    additionalProperties: false,
    required: ['name'],
    properties: {
      id: uuid('Left out: one is made.'),
      name: named(NAME, 'Display name.'),
      hostname: {
        type: 'string',
        minLength: 1,
        maxLength: 255,
        pattern: '^[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?$',
        'x-must': 'be a host name of letters, digits, dots and dashes',
        description: 'Left out: made of the name, as Nova makes it.',
      },
      image_id: IMAGE_ID,
      kernel_id: uuid("The image's kernel, where it has one."),
      ramdisk_id: uuid("The image's ramdisk, where it has one."),
      flavor: named(NAME, "The flavor's name."),
      availability_zone: named(NAME, 'Left out: null to the guest.'),
      launch_index: {
        type: 'integer',
        minimum: 0,
        maximum: 2_147_483_647,
        default: 0,
        description: 'Place within one request for several.',
      },
      reservation_id: {
        type: 'string',
        pattern: '^r-[a-z0-9]{8}$',
        'x-must': 'be r- and eight letters or digits, in lower case',
        description: 'Left out: one is made.',
      },
      user_data: USER_DATA,
      metadata: ref('Metadata'),
      keypair: ref('Keypair'),
      network_data: {
        type: 'object',
        description: 'Given to the guest as network_data.json, as it is written here.',
      },
      devices: {
        type: 'array',
        items: { type: 'object' },
        description: '`devices` of the newest meta_data.json, as it is written here.',
      },
      dedicated_cpus: {
        type: 'array',
        uniqueItems: true,
        items: { type: 'integer', minimum: 0, maximum: 65_535 },
        description: "Host CPUs that are the guest's own.",
      },
      security_groups: { type: 'array', items: NAME, description: 'Names of the security groups.' },
      fixed_ipv4: ipv4('The first fixed address.'),
      floating_ipv4: ipv4('The first floating address.'),
      root_device: device('The root device, such as /dev/vda.'),
      block_devices: { type: 'array', items: ref('BlockDevice'), description: 'The others.' },
      personality: { type: 'array', items: ref('PersonalityFile'), writeOnly: true },
      admin_pass: {
        ...TEXT,
        minLength: 1,
        maxLength: 255,
        writeOnly: true,
        description: "The administrator's password, for the config drive only.",
      },
      config_drive: {
        type: 'boolean',
        default: false,
        description: 'Whether it wishes a config drive; the deployment may wish one for all.',
      },
    },
    examples: [
      {
        name: 'mail-1',
        image_id: '75a74383-f276-4774-8074-8c4e3ff2ca64',
        flavor: 'm1.small',
        metadata: { role: 'mail' },
        user_data: 'I2Nsb3VkLWNvbmZpZwo=',
        config_drive: true,
      },
    ],
  },
  MetadataChange: {
    type: 'object',
    description: 'The metadata, whole.',
    additionalProperties: false,
    required: ['metadata'],
    properties: { metadata: ref('Metadata') },
    examples: [{ metadata: { role: 'mail', tier: '2' } }],
  },
  RebuildRequest: {
    type: 'object',
    description: 'The image, and what else is to be another than before. The boot roles stay.',
    additionalProperties: false,
    required: ['image_id'],
    properties: {
      image_id: uuid('The image.'),
      user_data: {
        ...USER_DATA,
        type: ['string', 'null'],
        description: 'Left out: as it was; null: none.',
      },
      metadata: ref('Metadata'),
      keypair: ref('Keypair'),
    },
    examples: [{ image_id: '155d900f-4e14-4e4c-a73d-069cbf4541e6', user_data: null }],
  },
  ListQuery: {
    type: 'object',
    description: 'Which instances, in the query of a list.',
    additionalProperties: false,
    properties: {
      limit: {
        type: 'integer',
        minimum: 1,
        maximum: 1_000,
        default: 100,
        description: 'Instances of a page.',
      },
      marker: uuid('The last instance of the page before.'),
      status: {
        type: 'string',
        enum: ['BUILD', 'ACTIVE', 'ERROR'],
        description: 'Only those with this status.',
      },
      all_projects: {
        type: 'boolean',
        default: false,
        description: 'Those of every project, for admins and for tokens that are scoped to the system.',
      },
    },
    examples: [{ limit: 2, status: 'ACTIVE' }],
  },
} satisfies Record<string, JsonSchema>;
