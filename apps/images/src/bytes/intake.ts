import type { Database } from '@hallmark/postgres';
import type { Tables } from '../store/tables.ts';
import { abandonBlob, announceBlob, forgetBlob, keepBlob, type Blob } from '../store/blobs.ts';
import { blobName, type StoreSet } from '../stores/store-set.ts';
import { storeUnavailable, type Bytes, type Store } from '../stores/store.ts';

export interface Incoming {
  readonly imageId: string;
  readonly data: Bytes;
  /** When it is known. */
  readonly size: number | undefined;
  readonly signal: AbortSignal;
}

/**
 * Writes data to stores so that none is ever left behind: it is written down as to be removed before
 * its first byte, and crossed out there by whoever makes it an image's.
 */
export class Intake {
  readonly #db: Database<Tables>;
  readonly #stores: StoreSet;
  readonly #leaseSeconds: number;

  constructor(db: Database<Tables>, stores: StoreSet, leaseSeconds: number) {
    this.#db = db;
    this.#stores = stores;
    this.#leaseSeconds = leaseSeconds;
  }

  /** Gives `use` the data in its store; when that throws, or the data does not arrive, it is removed. */
  async take<T>(
    store: Store,
    { imageId, data, size, signal }: Incoming,
    use: (blob: Blob) => Promise<T>,
  ): Promise<T> {
    const url = store.urlOf(blobName(imageId));
    const blob = await announceBlob(this.#db.kysely, store.id, url, this.#leaseSeconds);
    const keeping = this.#keeping(blob);
    try {
      await store.write(url, data, { size, signal: AbortSignal.any([signal, keeping.signal]) });
      return await use(blob);
    } catch (thrown) {
      await this.discard(blob);
      throw thrown;
    } finally {
      keeping.stop();
    }
  }

  /** Removes data that nobody wants; what cannot be removed now is, when the store is back. */
  async discard(blob: Blob): Promise<void> {
    try {
      // Asked first: a commit of which nobody knew may have made it an image's.
      if (!(await keepBlob(this.#db.kysely, blob, this.#leaseSeconds))) return;
      await this.#stores.get(blob.storeId).remove(blob.url);
      await forgetBlob(this.#db.kysely, blob);
    } catch {
      await abandonBlob(this.#db.kysely, blob).catch(() => undefined); // its lease ends in time
    }
  }

  /** Signs of life until it is stopped. */
  #keeping(blob: Blob): { readonly signal: AbortSignal; stop(): void } {
    const lost = new AbortController();
    const keep = async (): Promise<void> => {
      const isOurs = await keepBlob(this.#db.kysely, blob, this.#leaseSeconds).catch(() => true);
      if (!isOurs) lost.abort(storeUnavailable(blob.storeId, 'was too slow'));
    };
    const timer = setInterval(() => void keep(), (this.#leaseSeconds * 1_000) / 3);
    return { signal: lost.signal, stop: () => clearInterval(timer) };
  }
}
