import { z } from 'zod';
import { bool, bracketList, byteQuota, choice, dict, int, list, str } from '../config/oslo-types.ts';

/**
 * Glance's own options, with Glance's names, types and defaults, so that Hallmark can be pointed at
 * `glance-api.conf` and `glance-image-import.conf`. What else stands in these sections is Glance's
 * business.
 */

/** Glance's part of `[DEFAULT]`. */
export const glanceDefault = {
  enabled_backends: dict()
    .default({})
    .describe(
      "Glance's option: the stores for images, `ID:TYPE` with commas between, of type file, filesystem or s3. The section of the name of each says where it is. Empty: one store, as [glance_store] says.",
    ),
  enabled_import_methods: bracketList()
    .default(['glance-direct', 'web-download', 'copy-image'])
    .describe("Glance's option: how images may be imported: glance-direct, web-download, copy-image."),
  node_staging_uri: str()
    .default('file:///tmp/staging/')
    .describe(
      "Glance's option: where staged data waits for its import, when there is neither [images] staging_store nor a section [os_glance_staging_store]. Replicas need a directory that they share.",
    ),
  image_property_quota: int()
    .default(128)
    .describe(
      "Glance's option: properties that an image may have, injected ones among them. -1: any number.",
    ),
  image_tag_quota: int()
    .default(128)
    .describe("Glance's option: tags that an image may have. -1: any number."),
  image_member_quota: int()
    .default(128)
    .describe("Glance's option: projects with which an image may be shared. -1: any number."),
  image_location_quota: int()
    .default(10)
    .describe("Glance's option: copies of its data that an image may have. -1: any number."),
  image_size_cap: int({ min: 1, max: Number.MAX_SAFE_INTEGER })
    .default(1_099_511_627_776)
    .describe("Glance's option: bytes that an image may have."),
  user_storage_quota: byteQuota()
    .default(0)
    .describe(
      "Glance's option: bytes that the images of a project may have together, each copy counted, with B, KB, MB, GB or TB behind it. 0: any number.",
    ),
  use_keystone_limits: bool()
    .default(false)
    .describe(
      "Glance's option: Keystone's unified limits, which Hallmark does not know; true stops the start.",
    ),
  limit_param_default: int({ min: 1 })
    .default(25)
    .describe("Glance's option: images of a page when the request names no limit."),
  api_limit_max: int({ min: 1 }).default(1000).describe("Glance's option: images of a page at most."),
  show_image_direct_url: bool()
    .default(false)
    .describe("Glance's option: whether an image says in direct_url where its data is."),
  hashing_algorithm: choice('sha512', 'sha384', 'sha256')
    .default('sha512')
    .describe("Glance's option: the algorithm of os_hash_value."),
  property_protection_file: str()
    .optional()
    .describe(
      "Glance's option: file with the rules of who may create, read, update and delete which property. A relative path counts from the directory of the file that says so.",
    ),
  property_protection_rule_format: choice('roles', 'policies')
    .default('roles')
    .describe("Glance's option: whether that file names roles, or rules of the policy."),
  public_endpoint: str()
    .optional()
    .describe("Glance's option: what links begin with, instead of what the request was sent to."),
};

/** Where a store is: in `[glance_store]` for the only one, in a section of its own for each of several. */
const storeOptions = {
  store_description: str().optional().describe('What users are told of the store.'),
  filesystem_store_datadir: str()
    .optional()
    .describe('Directory for the data of a store of type file. Not set: /var/lib/glance/images.'),
  filesystem_store_file_perm: int({ min: 0 })
    .default(0)
    .describe('Permissions of the files in it, as octal digits. 0: as the umask says.'),
  s3_store_host: str()
    .optional()
    .describe('Where the S3 service of a store of type s3 is, such as https://s3.example.test.'),
  s3_store_region_name: str().default('').describe('Its region.'),
  s3_store_access_key: str().optional().meta({ secret: true }).describe('Access key id.'),
  s3_store_secret_key: str().optional().meta({ secret: true }).describe('Secret access key.'),
  s3_store_bucket: str().optional().describe('The bucket.'),
  s3_store_create_bucket_on_put: bool()
    .default(false)
    .describe('Whether to create the bucket when there is none.'),
  s3_store_bucket_url_format: choice('auto', 'virtual', 'path')
    .default('auto')
    .describe('Whether the bucket stands in the host name, in the path, or as the service likes it.'),
  s3_store_large_object_size: int({ min: 1 })
    .default(100)
    .describe(
      "Glance's option, which is only shown to administrators: data of more than one part is sent in parts.",
    ),
  s3_store_large_object_chunk_size: int({ min: 5 }).default(10).describe('MiB of each part.'),
  s3_store_thread_pools: int({ min: 1 }).default(10).describe('Parts that are sent at a time.'),
  s3_store_cacert: str()
    .optional()
    .describe('File with the certificate authorities against which the service is verified.'),
};

export const image_store = z
  .object(storeOptions)
  .describe(
    "Glance's section for each store that [DEFAULT] enabled_backends names, under the store's own name; [os_glance_staging_store] is where staged data waits.",
  );

export const glance_store = z
  .object({
    default_backend: str()
      .optional()
      .describe('The store for images that name none. Needed with several stores.'),
    default_store: str()
      .default('file')
      .describe('Type of the only store, when [DEFAULT] enabled_backends is empty: file or s3.'),
    ...storeOptions,
  })
  .describe("Glance's section: where images are kept.");

export const image_format = z
  .object({
    disk_formats: list()
      .default(['ami', 'ari', 'aki', 'vhd', 'vhdx', 'vmdk', 'raw', 'qcow2', 'vdi', 'iso', 'ploop'])
      .describe(
        'What disk_format of an image may be. Data of qcow2, vhd, vhdx, vmdk, vdi, iso, and of gpt and luks where they are added, is looked at; that of others is not.',
      ),
    container_formats: list()
      .default(['ami', 'ari', 'aki', 'bare', 'ovf', 'ova', 'docker', 'compressed'])
      .describe('What container_format of an image may be. Only data that is bare is looked at.'),
    require_image_format_match: bool()
      .default(true)
      .describe(
        'Whether data that is not what disk_format says is refused: an upload with 415, an import with a failed task.',
      ),
    vmdk_allowed_types: list()
      .default(['streamOptimized', 'monolithicSparse'])
      .describe('Kinds of VMDK, by their createType, that are taken. Others may name files of the host.'),
    gpt_safety_checks_nonfatal: bool()
      .default(true)
      .describe('Whether data with disk_format gpt is taken although its partition table is unsound.'),
  })
  .describe("Glance's section: the formats of images.");

export const image_import_opts = z
  .object({
    image_import_plugins: bracketList()
      .optional()
      .describe(
        'Steps of an import: inject_image_metadata, no_op. Not set: injection, when [inject_metadata_properties] inject is set. Set without inject_image_metadata: no injection. A name that nobody knows stops the start.',
      ),
  })
  .describe("Glance's section: the steps of an import.");

export const import_filtering_opts = z
  .object({
    allowed_schemes: bracketList()
      .default(['http', 'https'])
      .describe('URL schemes from which web-download takes images. Empty: all but the disallowed.'),
    disallowed_schemes: bracketList()
      .default([])
      .describe('URL schemes from which it does not; read when the allowed ones are empty.'),
    allowed_hosts: bracketList()
      .default([])
      .describe('Hosts from which web-download takes images. Empty: all but the disallowed.'),
    disallowed_hosts: bracketList()
      .default([])
      .describe('Hosts from which it does not; read when the allowed ones are empty.'),
    allowed_ports: bracketList()
      .default(['80', '443'])
      .describe('Ports from which web-download takes images. Empty: all but the disallowed.'),
    disallowed_ports: bracketList()
      .default([])
      .describe('Ports from which it does not; read when the allowed ones are empty.'),
  })
  .describe("Glance's section: from where web-download takes images.");

export const inject_metadata_properties = z
  .object({
    ignore_user_roles: list()
      .default(['admin'])
      .describe(
        'Roles whose bearers import images without injection, in any case of letters, with commas between and without brackets.',
      ),
    inject: str()
      .default('')
      .describe(
        'Properties that every other image gets at its import, as a JSON object or as NAME:VALUE with commas between. Users without such a role can neither set nor change nor remove them.',
      ),
  })
  .describe("Glance's section: the properties that an import injects.");

export const task = z
  .object({
    task_time_to_live: int({ min: 1 }).default(48).describe('Hours for which a task is shown after its end.'),
  })
  .describe("Glance's section: tasks.");

export const oslo_policy = z
  .object({
    policy_file: str()
      .default('policy.yaml')
      .describe(
        'File with rules that differ from the defaults. A relative path counts from the directory of the file that says so. Not set: policy.yaml beside a configuration file whose name begins with glance, if there is one.',
      ),
    enforce_scope: bool().default(true).describe('Whether tokens for the whole system are refused.'),
  })
  .describe("Oslo's section: who may do what.");
