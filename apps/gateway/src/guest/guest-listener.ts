import type { Config } from '@hallmark/runtime';
import type { GatewayEvents } from '../events.ts';
import type { Door } from '../http/exchange.ts';
import { Listeners, type Certificate } from '../http/listeners.ts';
import { answerMalformed } from '../http/malformed.ts';
import type { Answers } from '../nova/answers.ts';
import { GuestDocuments } from './guest-documents.ts';
import { guestHandler } from './guest-handler.ts';
import { guestProblemOf } from './guest-problem.ts';
import type { GuestRules } from './guest-rules.ts';
import type { Guests } from './guests.ts';
import { RateLimit } from './rate-limit.ts';
import type { Waiters } from './waiters.ts';
import { WaitingRoom } from './waiting-guest.ts';

export interface GuestListenerOptions {
  readonly listen: Config['gateway_guest']['listen'];
  readonly certificate: Certificate | undefined;
  readonly events: GatewayEvents;
  readonly now: () => number;
  readonly guests: Guests;
  readonly answers: Answers;
  readonly waiters: Waiters;
  readonly rules: () => GuestRules;
  /** Longest wait for vendordata. */
  readonly vendordataTimeoutMs: () => number;
}

/** The listener `guest`. Disposing it loses no request, and keeps none waiting for a change. */
export class GuestListener implements AsyncDisposable {
  readonly #listeners: Listeners;
  readonly #door: Door;
  readonly #waiters: Waiters;

  private constructor(listeners: Listeners, door: Door, waiters: Waiters) {
    this.#listeners = listeners;
    this.#door = door;
    this.#waiters = waiters;
  }

  static async open(options: GuestListenerOptions): Promise<GuestListener> {
    const { listen, certificate, events, now, guests, waiters, rules } = options;
    const door: Door = { events, now, problem: guestProblemOf, closing: false };
    const documents = new GuestDocuments(options.answers, options.vendordataTimeoutMs);
    const listeners = await Listeners.open({
      listen,
      certificate,
      handler: guestHandler({
        door,
        guests,
        documents,
        limit: new RateLimit(),
        waiting: new WaitingRoom(guests, documents, waiters),
        rules,
      }),
      onMalformed: (error, socket) => {
        answerMalformed(error, socket, events);
      },
    });
    return new GuestListener(listeners, door, waiters);
  }

  get addresses(): readonly string[] {
    return this.#listeners.addresses;
  }

  /** Shows a renewed certificate to new connections. */
  renew(certificate: Certificate): void {
    this.#listeners.renew(certificate);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#door.closing = true;
    this.#waiters.close();
    await this.#listeners[Symbol.asyncDispose]();
    this.#waiters[Symbol.dispose]();
  }
}
