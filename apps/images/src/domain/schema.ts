import { STATUSES, VISIBILITIES } from './image.ts';

/** The part of JSON schema that Glance's documents use. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly enum?: readonly (string | null)[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly readOnly?: true;
  readonly writeOnly?: true;
  readonly is_base?: false;
  readonly items?: Schema | NamedSchema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | false;
}

export interface NamedSchema {
  readonly name: string;
  readonly properties: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly links?: readonly { readonly rel: string; readonly href: string }[];
}

const UUID = '^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$';
const TEXT_OR_NULL = ['null', 'string'] as const;
const PROPERTY_KEYS = 'https://docs.openstack.org/python-glanceclient/latest/cli/property-keys.html';

/** What the formats of an image may be; the operator says. */
export interface FormatNames {
  readonly diskFormats: readonly string[];
  readonly containerFormats: readonly string[];
}

const readOnly = (type: Schema['type'], description: string, more: Schema = {}): Schema => ({
  ...(type !== undefined && { type }),
  readOnly: true,
  description,
  ...more,
});

const locationSchema: Schema = {
  type: 'array',
  items: {
    type: 'object',
    properties: {
      url: { type: 'string', maxLength: 255 },
      metadata: { type: 'object' },
      validation_data: {
        description:
          "Values to be used to populate the corresponding image properties. If the image status is not 'queued', values must exactly match those already contained in the image properties.",
        type: 'object',
        writeOnly: true,
        additionalProperties: false,
        properties: {
          checksum: { type: 'string', minLength: 32, maxLength: 32 },
          os_hash_algo: { type: 'string', maxLength: 64 },
          os_hash_value: { type: 'string', maxLength: 128 },
        },
        required: ['os_hash_algo', 'os_hash_value'],
      },
    },
    required: ['url', 'metadata'],
  },
  description: 'A set of URLs to access the image file kept in external store',
};

const baseProperties = ({
  diskFormats,
  containerFormats,
}: FormatNames): Readonly<Record<string, Schema>> => ({
  id: { type: 'string', description: 'An identifier for the image', pattern: UUID },
  name: { type: TEXT_OR_NULL, description: 'Descriptive name for the image', maxLength: 255 },
  status: readOnly('string', 'Status of the image', { enum: STATUSES }),
  visibility: { type: 'string', description: 'Scope of image accessibility', enum: VISIBILITIES },
  protected: { type: 'boolean', description: 'If true, image will not be deletable.' },
  os_hidden: {
    type: 'boolean',
    description: 'If true, image will not appear in default image list response.',
  },
  checksum: readOnly(TEXT_OR_NULL, 'md5 hash of image contents.', { maxLength: 32 }),
  os_hash_algo: readOnly(TEXT_OR_NULL, 'Algorithm to calculate the os_hash_value', { maxLength: 64 }),
  os_hash_value: readOnly(
    TEXT_OR_NULL,
    'Hexdigest of the image contents using the algorithm specified by the os_hash_algo',
    { maxLength: 128 },
  ),
  owner: { type: TEXT_OR_NULL, description: 'Owner of the image', maxLength: 255 },
  size: readOnly(['null', 'integer'], 'Size of image file in bytes'),
  virtual_size: readOnly(['null', 'integer'], 'Virtual size of image in bytes'),
  container_format: {
    type: TEXT_OR_NULL,
    description: 'Format of the container',
    enum: [null, ...containerFormats],
  },
  disk_format: { type: TEXT_OR_NULL, description: 'Format of the disk', enum: [null, ...diskFormats] },
  created_at: readOnly('string', 'Date and time of image registration'),
  updated_at: readOnly('string', 'Date and time of the last image modification'),
  tags: {
    type: 'array',
    description: 'List of strings related to the image',
    items: { type: 'string', maxLength: 255 },
  },
  direct_url: readOnly('string', 'URL to access the image file kept in external store'),
  min_ram: { type: 'integer', description: 'Amount of ram (in MB) required to boot image.' },
  min_disk: { type: 'integer', description: 'Amount of disk space (in GB) required to boot image.' },
  self: readOnly('string', 'An image self url'),
  file: readOnly('string', 'An image file url'),
  stores: readOnly(
    'string',
    'Store in which image data resides.  Only present when the operator has enabled multiple stores.  May be a comma-separated list of store identifiers.',
  ),
  schema: readOnly('string', 'An image schema url'),
  locations: locationSchema,
});

/** The extra properties of Glance's shipped schema file. */
const knownProperties: Readonly<Record<string, Schema>> = {
  kernel_id: {
    type: TEXT_OR_NULL,
    pattern: UUID,
    description:
      'ID of image stored in Glance that should be used as the kernel when booting an AMI-style image.',
    is_base: false,
  },
  ramdisk_id: {
    type: TEXT_OR_NULL,
    pattern: UUID,
    description:
      'ID of image stored in Glance that should be used as the ramdisk when booting an AMI-style image.',
    is_base: false,
  },
  instance_uuid: {
    type: 'string',
    description:
      'Metadata which can be used to record which instance this image is associated with. (Informational only, does not create an instance snapshot.)',
    is_base: false,
  },
  architecture: {
    description: `Operating system architecture as specified in ${PROPERTY_KEYS}`,
    type: 'string',
    is_base: false,
  },
  os_distro: {
    description: `Common name of operating system distribution as specified in ${PROPERTY_KEYS}`,
    type: 'string',
    is_base: false,
  },
  os_version: {
    description: 'Operating system version as specified by the distributor.',
    type: 'string',
    is_base: false,
  },
  description: {
    description: 'A human-readable string describing this image.',
    type: 'string',
    is_base: false,
  },
  cinder_encryption_key_id: {
    description:
      'Identifier in the OpenStack Key Management Service for the encryption key for the Block Storage Service to use when mounting a volume created from this image',
    type: 'string',
    is_base: false,
  },
  cinder_encryption_key_deletion_policy: {
    description:
      "States the condition under which the Image Service will delete the object associated with the 'cinder_encryption_key_id' image property.  If this property is missing, the Image Service will take no action",
    type: 'string',
    enum: ['on_image_deletion', 'do_not_delete'],
    is_base: false,
  },
};

export type ImageSchema = NamedSchema & { readonly additionalProperties: Schema };

export const imageSchemaOf = (formats: FormatNames): ImageSchema => ({
  name: 'image',
  properties: { ...baseProperties(formats), ...knownProperties },
  additionalProperties: { type: 'string' },
  links: [
    { rel: 'self', href: '{self}' },
    { rel: 'enclosure', href: '{file}' },
    { rel: 'describedby', href: '{schema}' },
  ],
});

const memberSchema: NamedSchema = {
  name: 'member',
  properties: {
    member_id: { type: 'string', description: 'An identifier for the image member (tenantId)' },
    image_id: { type: 'string', description: 'An identifier for the image', pattern: UUID },
    created_at: { type: 'string', description: 'Date and time of image member creation' },
    updated_at: { type: 'string', description: 'Date and time of last modification of image member' },
    status: {
      type: 'string',
      description: 'The status of this image member',
      enum: ['pending', 'accepted', 'rejected'],
    },
    schema: { readOnly: true, type: 'string' },
  },
};

const taskProperties: Readonly<Record<string, Schema>> = {
  id: { description: 'An identifier for the task', pattern: UUID, type: 'string' },
  type: {
    description: 'The type of task represented by this content',
    enum: ['import', 'api_image_import'],
    type: 'string',
  },
  status: {
    description: 'The current status of this task',
    enum: ['pending', 'processing', 'success', 'failure'],
    type: 'string',
  },
  input: { description: 'The parameters required by task, JSON blob', type: ['null', 'object'] },
  result: { description: 'The result of current task, JSON blob', type: ['null', 'object'] },
  owner: { description: 'An identifier for the owner of this task', type: 'string' },
  message: {
    description: 'Human-readable informative message only included when appropriate (usually on failure)',
    type: 'string',
  },
  image_id: { description: 'Image associated with the task', type: 'string' },
  request_id: { description: 'Human-readable informative request-id', type: 'string' },
  user_id: { description: 'User associated with the task', type: 'string' },
  expires_at: {
    description: 'Datetime when this resource would be subject to removal',
    type: ['null', 'string'],
  },
  created_at: { description: 'Datetime when this resource was created', type: 'string' },
  updated_at: { description: 'Datetime when this resource was updated', type: 'string' },
  self: { readOnly: true, type: 'string' },
  schema: { readOnly: true, type: 'string' },
};

/** Left out where tasks are listed. */
const TASK_DETAILS = new Set(['input', 'result', 'message']);

const taskListed: Readonly<Record<string, Schema>> = Object.fromEntries(
  Object.entries(taskProperties).filter(([name]) => !TASK_DETAILS.has(name)),
);

const DESCRIBED_BY = [{ rel: 'describedby', href: '{schema}' }] as const;

/** Every document of `GET /v2/schemas/NAME`. */
export const schemaDocuments = (imageSchema: ImageSchema): Readonly<Record<string, NamedSchema>> => ({
  image: imageSchema,
  images: {
    name: 'images',
    properties: {
      images: { type: 'array', items: imageSchema },
      first: { type: 'string' },
      next: { type: 'string' },
      schema: { type: 'string' },
    },
    links: [{ rel: 'first', href: '{first}' }, { rel: 'next', href: '{next}' }, ...DESCRIBED_BY],
  },
  member: memberSchema,
  members: {
    name: 'members',
    properties: { members: { type: 'array', items: memberSchema }, schema: { type: 'string' } },
    links: DESCRIBED_BY,
  },
  task: { name: 'task', properties: taskProperties },
  tasks: {
    name: 'tasks',
    properties: {
      tasks: { type: 'array', items: { name: 'task', properties: taskListed } },
      schema: { type: 'string' },
    },
    links: DESCRIBED_BY,
  },
});
