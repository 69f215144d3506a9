import { randomUUID } from 'node:crypto';
import { unavailable } from '@hallmark/errors';
import type { WorkerBus } from '@hallmark/runtime';
import type { Flights } from './flights.ts';
import type { Invalidations } from './invalidations.ts';
import { covers } from './local-answers.ts';
import type { LocalAnswers, Scope } from './local-answers.ts';
import type { Procured } from './procurement.ts';
import { parsePurge } from './shared-purges.ts';
import type { Purge, SharedPurges } from './shared-purges.ts';

const TOPIC = 'vendordata-purge';
/** How long a purge waits to hear itself, so that its version comes after all smaller ones. */
const HEARING_MS = 250;
/** Purges remembered, so that one which comes by two ways counts once. */
const REMEMBERED = 1_000;

interface PurgingOptions {
  readonly local: LocalAnswers;
  readonly flights: Flights<Procured>;
  readonly invalidations: Invalidations;
  readonly bus: WorkerBus;
  readonly shared: SharedPurges | undefined;
}

/** Forgets answers in this process, in the other workers and in the other replicas. */
export class Purging implements Disposable {
  readonly #local: LocalAnswers;
  readonly #flights: Flights<Procured>;
  readonly #invalidations: Invalidations;
  readonly #bus: WorkerBus;
  readonly #shared: SharedPurges | undefined;
  readonly #leaveBus: () => void;
  readonly #done = new Set<string>();
  readonly #hearing = new Map<string, () => void>();

  constructor({ local, flights, invalidations, bus, shared }: PurgingOptions) {
    this.#local = local;
    this.#flights = flights;
    this.#invalidations = invalidations;
    this.#bus = bus;
    this.#shared = shared;
    shared?.listen((purge) => this.#apply(purge));
    shared?.onGap(() => this.forgetAll());
    this.#leaveBus = bus.subscribe(TOPIC, (message) => {
      const purge = typeof message === 'string' ? parsePurge(message) : undefined;
      if (purge !== undefined) this.#apply(purge);
    });
  }

  /** Gives how many answers this process forgot; those in Redis can't be found any more and are not counted. */
  async purge(scope: Scope): Promise<number> {
    const purge: Purge = { id: randomUUID(), version: this.#invalidations.next(), scope };
    const forgotten = this.#forget(scope);
    const version = this.#shared === undefined ? purge.version : await this.#purgeShared(this.#shared, purge);
    // Once more: until Redis forgot, an answer may have come from there.
    const done = { ...purge, version: version ?? this.#invalidations.next() };
    this.#apply(done);
    this.#bus.publish(TOPIC, JSON.stringify(done));
    if (version === undefined) {
      throw unavailable(
        'PURGE_INCOMPLETE',
        'Redis could not be reached: this process has forgotten, other replicas may only do so when Redis is back.',
      );
    }
    return forgotten;
  }

  /** For when it is not known what should be forgotten. */
  forgetAll(): void {
    this.#forget({});
    this.#invalidations.announce({}, this.#invalidations.next());
  }

  [Symbol.dispose](): void {
    this.#leaveBus();
  }

  async #purgeShared(shared: SharedPurges, purge: Purge): Promise<number | undefined> {
    const heard = new Promise<void>((resolve) => this.#hearing.set(purge.id, resolve));
    const version = await shared.purge(purge);
    if (version !== undefined) {
      const timer = setTimeout(() => this.#hearing.get(purge.id)?.(), HEARING_MS);
      await heard;
      clearTimeout(timer);
    }
    this.#hearing.delete(purge.id);
    return version;
  }

  #apply({ id, version, scope }: Purge): void {
    if (this.#done.has(id)) return;
    this.#done.add(id);
    for (const oldest of this.#done) {
      if (this.#done.size <= REMEMBERED) break;
      this.#done.delete(oldest);
    }
    this.#forget(scope);
    this.#invalidations.announce(scope, version);
    this.#hearing.get(id)?.();
  }

  #forget(scope: Scope): number {
    this.#flights.outdate((subject) => covers(scope, subject));
    return this.#local.forget(scope);
  }
}
