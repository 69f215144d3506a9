import type { Tickets } from '@hallmark/postgres';
import type { DataReply, Transfer } from '@hallmark/rpc';
import type { Location } from '../domain/image.ts';
import type { StoreSet } from '../stores/store-set.ts';
import { storeUnavailable, type OpenBytes, type Span } from '../stores/store.ts';
import { DOWNLOADS } from '../transfer.ts';
import type { BytesEvents } from './bytes-events.ts';
import { redeem } from './redeem.ts';

/** Gives the data of images out. */
export class Downloads {
  readonly #tickets: Tickets;
  readonly #stores: StoreSet;
  readonly #events: BytesEvents;

  constructor(tickets: Tickets, stores: StoreSet, events: BytesEvents) {
    this.#tickets = tickets;
    this.#stores = stores;
    this.#events = events;
  }

  /** Answers `GET /downloads/TICKET`. */
  async serve({ ticket, signal, event }: Transfer): Promise<DataReply> {
    const { imageId, copies, offset, length } = await redeem(this.#tickets, DOWNLOADS, ticket);
    event['imageId'] = imageId;
    const body = await readAny(this.#stores, copies, { offset, length }, signal, (storeId, thrown) =>
      this.#events.copyFailed(imageId, storeId, thrown),
    );
    return {
      headers: { 'content-type': 'application/octet-stream', 'content-length': String(length) },
      body,
    };
  }
}

/** The data from the first of its copies that can be read. After its first byte there is no other try. */
export async function readAny(
  stores: StoreSet,
  copies: readonly Location[],
  span: Span,
  signal: AbortSignal,
  onFailure: (storeId: string, thrown: unknown) => void,
): Promise<OpenBytes> {
  let last: unknown = storeUnavailable('none', 'has this image');
  for (const { storeId, url } of copies) {
    try {
      return await stores.get(storeId).read(url, span, signal);
    } catch (thrown) {
      signal.throwIfAborted();
      onFailure(storeId, thrown);
      last = thrown;
    }
  }
  throw last;
}
