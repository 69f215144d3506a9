/** Which names of an image mean what, so that nothing internal is reached by a name from outside. */

/** Attributes that every image has. */
export const BASE_NAMES: ReadonlySet<string> = new Set([
  'id',
  'name',
  'status',
  'visibility',
  'protected',
  'os_hidden',
  'checksum',
  'os_hash_algo',
  'os_hash_value',
  'owner',
  'size',
  'virtual_size',
  'container_format',
  'disk_format',
  'created_at',
  'updated_at',
  'tags',
  'direct_url',
  'min_ram',
  'min_disk',
  'self',
  'file',
  'stores',
  'schema',
  'locations',
]);

/** Those that nobody may set in a patch. */
export const READ_ONLY_NAMES: ReadonlySet<string> = new Set([
  'created_at',
  'updated_at',
  'status',
  'checksum',
  'size',
  'virtual_size',
  'direct_url',
  'self',
  'file',
  'schema',
  'id',
  'os_hash_algo',
  'os_hash_value',
  'stores',
]);

/** In a create, these are refused before anything else is looked at. */
export const NEVER_IN_CREATE: readonly string[] = ['direct_url', 'self', 'file', 'schema', 'stores'];

/**
 * In a create, these are refused once the caller is known to be allowed to create. `os_hash_algo`
 * and `os_hash_value` are taken without effect, as by Glance.
 */
export const READ_ONLY_IN_CREATE: readonly string[] = [
  'status',
  'checksum',
  'size',
  'virtual_size',
  'created_at',
  'updated_at',
];

/** Names that Glance's version 1 used. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set(['location', 'deleted', 'deleted_at']);
