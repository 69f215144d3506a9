import { fileURLToPath } from 'node:url';
import type { Config, ConfigFault, ImageStoreOptions } from '@hallmark/runtime';

/** The store of a deployment that has only one, which no client ever sees. */
export const ONLY_STORE = 'default';
/** What the staging area is called where stores are named. */
export const STAGING = 'os_glance_staging_store';

export interface StoreSettings {
  readonly id: string;
  readonly type: 'file' | 's3';
  readonly options: ImageStoreOptions;
}

/** Where staged data waits: a store of its own, or a place in one of the stores. */
export type StagingSettings =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'store'; readonly storeId: string };

export interface StoresSettings {
  /** In the operator's order. */
  readonly stores: readonly StoreSettings[];
  readonly defaultStore: string;
  /** Whether clients know of stores at all. */
  readonly isMultiStore: boolean;
  readonly staging: StagingSettings;
}

const TYPES: Readonly<Record<string, StoreSettings['type']>> = { file: 'file', filesystem: 'file', s3: 's3' };
const DEFAULT_DIRECTORY = '/var/lib/glance/images';

/** Understands where images are kept. */
export function readStores(config: Config, faults: ConfigFault[]): StoresSettings {
  const backends = Object.entries(config.DEFAULT.enabled_backends);
  const staging = readStaging(config, faults);
  if (backends.length === 0) {
    const type = typeOf(config.glance_store.default_store);
    if (!type)
      faults.push(
        config.fault(
          'glance_store',
          'default_store',
          `"${config.glance_store.default_store}" is none of file, s3`,
        ),
      );
    const only = { id: ONLY_STORE, type: type ?? 'file', options: withDirectory(config.glance_store) };
    requireBucket(config, 'glance_store', only, faults);
    return { stores: [only], defaultStore: ONLY_STORE, isMultiStore: false, staging };
  }
  const complain = (text: string): void => {
    faults.push(config.fault('DEFAULT', 'enabled_backends', text));
  };
  const stores = backends.flatMap(([id, text]): StoreSettings[] => {
    const type = typeOf(text);
    if (!type) complain(`${id}: Hallmark has stores of type file and s3, not ${text}`);
    if (id.startsWith('os_glance_')) complain(`${id}: names that begin with os_glance_ are Glance's own`);
    const options = config.image_store.get(id);
    return type && options ? [{ id, type, options: withDirectory(options) }] : [];
  });
  for (const store of stores) requireBucket(config, store.id, store, faults);
  const { default_backend: defaultStore } = config.glance_store;
  if (defaultStore === undefined || !backends.some(([id]) => id === defaultStore)) {
    faults.push(
      config.fault(
        'glance_store',
        'default_backend',
        `must be one of ${backends.map(([id]) => id).join(', ')}`,
      ),
    );
  }
  return { stores, defaultStore: defaultStore ?? ONLY_STORE, isMultiStore: true, staging };
}

const typeOf = (text: string): StoreSettings['type'] | undefined =>
  Object.hasOwn(TYPES, text) ? TYPES[text] : undefined;

const withDirectory = (options: ImageStoreOptions): ImageStoreOptions => ({
  ...options,
  filesystem_store_datadir: options.filesystem_store_datadir ?? DEFAULT_DIRECTORY,
});

function requireBucket(
  config: Config,
  section: string,
  { type, options }: StoreSettings,
  faults: ConfigFault[],
): void {
  if (type !== 's3') return;
  for (const option of [
    's3_store_host',
    's3_store_bucket',
    's3_store_access_key',
    's3_store_secret_key',
  ] as const) {
    if (options[option] === undefined)
      faults.push(config.fault(section, option, 'is needed for a store of type s3'));
  }
}

function readStaging(config: Config, faults: ConfigFault[]): StagingSettings {
  const { staging_store: storeId } = config.images;
  if (storeId !== undefined) {
    if (!Object.hasOwn(config.DEFAULT.enabled_backends, storeId))
      faults.push(
        config.fault('images', 'staging_store', `"${storeId}" is none of [DEFAULT] enabled_backends`),
      );
    return { kind: 'store', storeId };
  }
  const own = config.image_store.get(STAGING)?.filesystem_store_datadir;
  if (own !== undefined) return { kind: 'directory', path: own };
  const uri = config.DEFAULT.node_staging_uri;
  try {
    return { kind: 'directory', path: fileURLToPath(uri) };
  } catch {
    faults.push(config.fault('DEFAULT', 'node_staging_uri', `"${uri}" is not file:// and an absolute path`));
    return { kind: 'directory', path: '/' };
  }
}
