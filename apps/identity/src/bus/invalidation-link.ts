import type { JsonValue, WorkerBus } from '@hallmark/runtime';
import { z } from 'zod';
import type { Invalidations } from '../domain/invalidations.ts';
import { isDigest, type TokenDigest } from '../domain/token-digest.ts';

const TOPIC = 'identity.tokens';

const digest = z.custom<TokenDigest>((text) => typeof text === 'string' && isDigest(text));

/**
 * - `suspect`: the sender found it invalid and never held it as valid. Whoever did must say so.
 * - `invalidated`: it was held as valid somewhere and is not any more.
 */
const Message = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('suspect'), digest }),
  z.object({ kind: z.literal('invalidated'), digest, version: z.number() }),
]);

/**
 * Joins the workers of this machine: a token that one finds invalid is forgotten by all, and by
 * those who watch any of them. Tokens that nobody held stay between the workers, so that nonsense
 * from outside does not become work for every watcher.
 */
export class InvalidationLink implements Disposable {
  readonly #bus: WorkerBus;
  readonly #invalidations: Invalidations;
  readonly #forget: (digest: TokenDigest) => boolean;
  readonly #unsubscribe: () => void;

  /** `forget` tells whether this worker held the token as valid. */
  constructor(bus: WorkerBus, invalidations: Invalidations, forget: (digest: TokenDigest) => boolean) {
    this.#bus = bus;
    this.#invalidations = invalidations;
    this.#forget = forget;
    this.#unsubscribe = bus.subscribe(TOPIC, (message) => {
      this.#receive(message);
    });
  }

  /** Keystone does not accept the token; `wasKnown` when this worker held it as valid until now. */
  foundInvalid(digest: TokenDigest, wasKnown: boolean): void {
    if (wasKnown) this.#invalidate(digest);
    else this.#bus.publish(TOPIC, { kind: 'suspect', digest });
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
  }

  #invalidate(digest: TokenDigest): void {
    const version = this.#invalidations.announce(digest);
    this.#bus.publish(TOPIC, { kind: 'invalidated', digest, version });
  }

  #receive(message: JsonValue): void {
    const { data } = Message.safeParse(message);
    if (!data) return;
    const wasKnown = this.#forget(data.digest);
    if (data.kind === 'invalidated') this.#invalidations.learn(data.digest, data.version);
    else if (wasKnown) this.#invalidate(data.digest);
  }
}
