import { HttpFailure } from '../http/http-failure.ts';
import type { Claim } from './claims.ts';
import type { GuestDocuments } from './guest-documents.ts';
import { notFound, unavailable } from './guest-failures.ts';
import { askOptions, entryAt, requireOwn, type Visit } from './visit.ts';
import { send, type GuestDocument } from './guest-reply.ts';
import type { Guests } from './guests.ts';
import type { Waiter, Waiters } from './waiters.ts';

/** Where guests wait for a change. */
export class WaitingRoom {
  readonly guests: Guests;
  readonly documents: GuestDocuments;
  readonly #waiters: Waiters;

  constructor(guests: Guests, documents: GuestDocuments, waiters: Waiters) {
    this.guests = guests;
    this.documents = documents;
    this.#waiters = waiters;
  }

  /** @throws HttpFailure 503 when all seats are taken. */
  seat(guest: WaitingGuest, timeoutMs: number, seats: number): void {
    if (this.#waiters.size >= seats) throw unavailable('TOO_MANY_WAITERS');
    const { exchange } = guest.visit;
    exchange.waited = true;
    exchange.rest();
    this.#waiters.add(guest, timeoutMs);
    exchange.whenHungUp(() => {
      if (this.#waiters.remove(guest)) guest.leave();
    });
    // It may have changed while somebody was asked, when nobody was here to be woken.
    const { metadataOrigin, answerOrigin = 'hit' } = exchange;
    if (metadataOrigin !== 'hit' || answerOrigin !== 'hit') this.#waiters.wakeOne(guest);
  }
}

/** A guest that is answered when the document that it has read changes. */
export class WaitingGuest implements Waiter {
  readonly instanceId: string;
  readonly visit: Visit;
  readonly #room: WaitingRoom;
  readonly #claim: Claim;
  readonly #etag: string;
  #left = false;

  constructor(room: WaitingRoom, visit: Visit, claim: Claim, etag: string) {
    this.instanceId = claim.instanceId.toLowerCase();
    this.visit = visit;
    this.#room = room;
    this.#claim = claim;
    this.#etag = etag;
  }

  async look(last: boolean): Promise<boolean> {
    const { exchange } = this.visit;
    try {
      const document = await this.#read();
      if (this.#left) return true;
      if (!last && document.content.etag === this.#etag) {
        exchange.rest();
        return false;
      }
      send(exchange, document);
    } catch (thrown) {
      if (this.#left) return true;
      // That the instance is gone is news; that nobody could say how it is, is not.
      if (!last && !(thrown instanceof HttpFailure && thrown.status === 404)) return false;
      exchange.problem(thrown);
    }
    return true;
  }

  /** The guest hung up. */
  leave(): void {
    this.#left = true;
    this.visit.exchange.hungUp();
  }

  async #read(): Promise<GuestDocument> {
    const { exchange, path, rules } = this.visit;
    const { guests, documents } = this.#room;
    const metadata =
      guests.find(this.#claim, exchange.now()) ??
      (await guests.obtain(this.#claim, askOptions(exchange, rules.lookupTimeoutMs))).answer;
    requireOwn(this.#claim, metadata);
    const entry = entryAt(metadata, path);
    if (!entry) throw notFound('PATH_UNKNOWN');
    const { contentType } = entry;
    const content =
      documents.find(entry, this.#claim, metadata, exchange.now()) ??
      (await documents.obtain(exchange, entry, metadata));
    return { content, contentType };
  }
}
