import { notFound } from '@hallmark/errors';
import type { Caller } from '../domain/caller.ts';
import { schemaDocuments } from '../domain/schema.ts';
import type { StoreSettings } from '../settings/store-settings.ts';
import { resourceUnknown } from './images.ts';
import type { Workshop } from './workshop.ts';

const NEWEST = '2.15';
const SEVERAL_STORES = ['2.13', '2.12', '2.11', '2.10', '2.9', '2.8'];
const ONE_STORE = ['2.9'];
const OLDER = ['2.7', '2.6', '2.5', '2.4', '2.3', '2.2', '2.1', '2.0'];

/** Bytes that Glance's file store moves at a time, which its details tell. */
const CHUNK_BYTES = 65_536;

/** What the service can do. */
export class Discovery {
  readonly #shop: Workshop;

  constructor(shop: Workshop) {
    this.#shop = shop;
  }

  versions(applicationUrl: string): { document: object; minors: string[] } {
    const { stores } = this.#shop.settings();
    const minors = [NEWEST, ...(stores.isMultiStore ? SEVERAL_STORES : ONE_STORE), ...OLDER];
    const versions = minors.map((minor) => ({
      id: `v${minor}`,
      status: minor === NEWEST ? 'CURRENT' : 'SUPPORTED',
      links: [{ rel: 'self', href: `${applicationUrl}/v2/` }],
    }));
    return { document: { versions }, minors };
  }

  schema(name: string): object {
    const documents = schemaDocuments(this.#shop.settings().schema);
    const document = Object.hasOwn(documents, name) ? documents[name] : undefined;
    if (!document) throw resourceUnknown();
    return document;
  }

  importInfo(): object {
    return {
      'import-methods': {
        description: 'Import methods available.',
        type: 'array',
        value: this.#shop.settings().importMethods,
      },
    };
  }

  stores(caller: Caller, isDetailed: boolean): object {
    const { policy, stores } = this.#shop.settings();
    if (isDetailed) policy.require('stores_info_detail', caller);
    if (!stores.isMultiStore) throw notFound('SINGLE_STORE', 'Multi backend is not supported at this site.');
    return {
      stores: stores.stores.map((store) => ({
        id: store.id,
        ...(store.options.store_description !== undefined && {
          description: store.options.store_description,
        }),
        ...(store.id === stores.defaultStore && { default: 'true' }),
        ...(isDetailed && { type: store.type, properties: detailsOf(store) }),
      })),
    };
  }

  /** There are no limits of Keystone's. */
  usage(): object {
    return { usage: {} };
  }
}

function detailsOf({ type, options }: StoreSettings): object {
  return type === 'file'
    ? { data_dir: options.filesystem_store_datadir, chunk_size: CHUNK_BYTES, thin_provisioning: false }
    : {
        s3_store_large_object_size: options.s3_store_large_object_size,
        s3_store_large_object_chunk_size: options.s3_store_large_object_chunk_size,
        s3_store_thread_pools: options.s3_store_thread_pools,
      };
}
