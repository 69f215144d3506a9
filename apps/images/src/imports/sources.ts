import { readAny } from '../bytes/downloads.ts';
import type { Location } from '../domain/image.ts';
import type { FoundImage } from '../store/image-rows.ts';
import type { StoreSet } from '../stores/store-set.ts';
import type { OpenBytes } from '../stores/store.ts';
import type { WebDownload } from './web-download/web-download.ts';

export interface SourceData {
  /** To be closed. */
  readonly data: OpenBytes;
  /** When it is known before the data is there. */
  readonly size: number | undefined;
}

/** Where the data of an import comes from. Opened once for each store that has to begin with it. */
export interface Source {
  open(signal: AbortSignal): Promise<SourceData>;
}

/** What a user has staged. */
export const stagedSource = (stores: StoreSet, { stagedKey, size }: FoundImage): Source => ({
  open: async (signal) => ({
    data: await stores.staging.read(stagedKey ?? '', { offset: 0, length: size ?? 0 }, signal),
    size: size ?? 0,
  }),
});

/** Copies that there are already. */
export const copiesSource = (
  stores: StoreSet,
  copies: readonly Location[],
  size: number,
  onFailure: (storeId: string, thrown: unknown) => void,
): Source => ({
  open: async (signal) => ({
    data: await readAny(stores, copies, { offset: 0, length: size }, signal, onFailure),
    size,
  }),
});

/** A URL. */
export const webSource = (web: WebDownload, uri: string): Source => ({
  open: (signal) => web.open(uri, signal),
});
