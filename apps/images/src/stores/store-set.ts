import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { STAGING, type StoresSettings, type StoreSettings } from '../settings/store-settings.ts';
import { DirectoryStore } from './directory-store.ts';
import { S3Store } from './s3-store.ts';
import { storeUnavailable, type Store } from './store.ts';

/** The stores of this process, as they are configured now. */
export class StoreSet implements Disposable {
  readonly #opened = new Map<string, Store>();
  #current: { readonly byId: ReadonlyMap<string, Store>; readonly staging: Store };

  constructor(settings: StoresSettings) {
    this.#current = this.#open(settings);
  }

  /** Stores that are no longer configured finish what they are doing. */
  reload(settings: StoresSettings): void {
    this.#current = this.#open(settings);
  }

  /** Where staged data waits. */
  get staging(): Store {
    return this.#current.staging;
  }

  /** @throws HallmarkError `STORE_UNAVAILABLE` for one that is not configured any more */
  get(id: string): Store {
    const store = this.#current.byId.get(id);
    if (!store) throw storeUnavailable(id, 'is not configured');
    return store;
  }

  [Symbol.dispose](): void {
    for (const store of this.#opened.values()) if (store instanceof S3Store) store[Symbol.dispose]();
  }

  #open({ stores, staging }: StoresSettings): { byId: Map<string, Store>; staging: Store } {
    const byId = new Map(stores.map((settings): [string, Store] => [settings.id, this.#openOne(settings)]));
    const shared = staging.kind === 'store' ? byId.get(staging.storeId) : undefined;
    const own =
      shared ??
      new DirectoryStore({
        id: STAGING,
        path: staging.kind === 'directory' ? staging.path : '/',
        mode: undefined,
      });
    if (!shared) byId.set(STAGING, own);
    return { byId, staging: own };
  }

  /** The same store for the same settings, so that a reload keeps its connections. */
  #openOne(settings: StoreSettings): Store {
    const key = JSON.stringify(settings);
    const known = this.#opened.get(key);
    if (known) return known;
    const { id, type, options } = settings;
    const store =
      type === 's3'
        ? new S3Store(id, options)
        : new DirectoryStore({
            id,
            path: resolve(options.filesystem_store_datadir ?? '.'),
            mode: modeOf(options.filesystem_store_file_perm),
          });
    this.#opened.set(key, store);
    return store;
  }
}

/** The option's digits are octal, as Glance reads them. */
const modeOf = (digits: number): number | undefined =>
  digits === 0 ? undefined : Number.parseInt(String(digits), 8);

/**
 * A name that no other attempt has: two that write the same image, because one was thought dead, can't
 * get into each other's bytes.
 */
export const blobName = (imageId: string): string => `${imageId}.${randomUUID().slice(0, 8)}`;
