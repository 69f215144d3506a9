import { LRUCache } from 'lru-cache';
import type { WatchFollower } from './invalidation-watch.ts';
import { SharedFlights, type Landed } from './shared-flights.ts';

/** An answer of a service, and what the service said about reusing it. */
export interface Made<V> {
  readonly answer: V;
  readonly ttlMs: number;
  /** The newest invalidation that the answer takes into account. */
  readonly version: number;
  /** What the answer takes in memory, about. */
  readonly bytes: number;
}

/** How a service takes its answers back. `I` is what an invalidation says, `V` an answer. */
export interface InvalidationRule<V, I> {
  /** The groups an answer belongs to, such as its instance. */
  groupsOf(answer: V): readonly string[];
  /** The one group that all answers concerned are in. Undefined: they may be anywhere. */
  groupOf(invalidation: I): string | undefined;
  concerns(invalidation: I, answer: V): boolean;
}

export interface HotCacheOptions<V, I> {
  readonly maxBytes: number;
  /** Longest life of an answer that may have missed an invalidation, as while the watch is lost. */
  readonly lostTtlMs: number;
  readonly rule: InvalidationRule<V, I>;
  /**
   * Failures with which nobody knows better than what was kept before the watch was lost: it is answered again
   * then, within the life that the service gave it. Default: no failure.
   */
  readonly isOutage?: (failure: unknown) => boolean;
  /** Milliseconds, by a clock that is never set back. */
  readonly now: () => number;
  readonly onEvicted?: () => void;
  /** What was known of this group, or of any, may hold no more, whether it was kept here or not. */
  readonly onForgotten?: (group: string | undefined) => void;
}

/** Where questions wait for their turn. */
export interface Queue {
  take<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T>;
}

interface Slot<V> {
  readonly answer: V;
  /** Until then it is answered without asking, unless the watch was lost since. */
  readonly certainUntilMs: number;
  /** Until then it is better than nothing. */
  readonly expiresAtMs: number;
  /** How often the watch had been lost when it was kept. */
  readonly losses: number;
  readonly size: number;
}

interface Remembered<I> {
  readonly invalidation: I;
  readonly version: number;
}

/** Invalidations that are remembered one by one, for answers still on their way. */
const REMEMBERED = 1_000;
/**
 * How long the replicas of a service may take to tell each other of an invalidation. Later than that, an
 * older version only means that a replica began earlier.
 */
const SETTLING_MS = 5_000;
/** What an entry costs beside its answer: key, index, maps. */
const ENTRY_BYTES = 700;

/**
 * Answers of one service, kept in bounded memory for exactly as long as the service allowed, and
 * dropped when its watch takes them back. Versions order answers and invalidations: an answer that was
 * begun before an invalidation which concerns it is not kept, however late it arrives.
 */
export class HotCache<V, I> implements WatchFollower<I> {
  readonly #slots: LRUCache<string, Slot<V>>;
  readonly #groups = new Map<string, Set<string>>();
  readonly #flights = new SharedFlights<V>();
  readonly #lostTtlMs: number;
  readonly #rule: InvalidationRule<V, I>;
  readonly #isOutage: ((failure: unknown) => boolean) | undefined;
  readonly #now: () => number;
  readonly #onForgotten: (group: string | undefined) => void;

  #watching = false;
  #losses = 0;
  #epoch: string | undefined;
  /** The newest invalidation that the watch has told of. */
  #version = 0;
  /** Answers older than this, asked for too early, may have missed what is not remembered. */
  #floor = { version: 0, untilMs: 0 };
  #remembered: Remembered<I>[] = [];

  constructor({ maxBytes, lostTtlMs, rule, isOutage, now, onEvicted, onForgotten }: HotCacheOptions<V, I>) {
    this.#lostTtlMs = lostTtlMs;
    this.#rule = rule;
    this.#isOutage = isOutage;
    this.#now = now;
    this.#onForgotten = onForgotten ?? (() => undefined);
    this.#slots = new LRUCache({
      maxSize: Math.max(maxBytes, 1),
      dispose: (slot, key, reason) => {
        this.#leaveGroups(slot.answer, key);
        if (reason === 'evict') onEvicted?.();
      },
    });
  }

  /** The answer kept under this key, if its life is not over at `nowMs`. */
  find(key: string, nowMs: number): V | undefined {
    const slot = this.#slots.get(key);
    if (slot === undefined) return undefined;
    if (nowMs >= slot.expiresAtMs) this.#slots.delete(key);
    return nowMs < slot.certainUntilMs && slot.losses === this.#losses ? slot.answer : undefined;
  }

  /**
   * Asks for the answer of this key, together with everyone who asks for the same at the time, and
   * keeps it as long as it may be. Rejects with the reason of `signal` when the caller hangs up first.
   * With a queue it asks when it is its turn.
   */
  async obtain(
    key: string,
    signal: AbortSignal,
    ask: (signal: AbortSignal, sentAtMs: number) => Promise<Made<V>>,
    queue?: Queue,
  ): Promise<Landed<V>> {
    return this.#flights.join(key, signal, async (shared) =>
      queue ? queue.take(shared, async () => this.#ask(key, shared, ask)) : this.#ask(key, shared, ask),
    );
  }

  /** The watch is up. Unless it goes on where the last one ended, anything may have been missed. */
  hello(epoch: string, version: number): void {
    if (epoch !== this.#epoch || version !== this.#version) this.#startOver(version);
    this.#epoch = epoch;
    this.#watching = true;
  }

  /** The watch is alive. A version that no event announced is an event that was missed. */
  heartbeat(version: number): void {
    if (version !== this.#version) this.#startOver(version);
  }

  /** Drops what the service takes back, whatever its version: one miss too many harms nobody. */
  invalidated(invalidation: I, version: number): void {
    this.#version = Math.max(this.#version, version);
    this.#remembered.push({ invalidation, version });
    if (this.#remembered.length > REMEMBERED) {
      const [oldest] = this.#remembered.splice(0, 1);
      this.#raiseFloor(Math.max(this.#floor.version, oldest?.version ?? 0));
    }
    this.drop(invalidation);
  }

  /** Drops what we have changed ourselves, before the watch tells us of it. */
  drop(invalidation: I): void {
    this.#flights.closeDoors();
    const group = this.#rule.groupOf(invalidation);
    const keys = group === undefined ? [...this.#slots.keys()] : [...(this.#groups.get(group) ?? [])];
    for (const key of keys) {
      const slot = this.#slots.peek(key);
      if (slot && this.#rule.concerns(invalidation, slot.answer)) this.#slots.delete(key);
    }
    this.#onForgotten(group);
  }

  /** The watch is gone: nothing kept is certain any more, and what comes is kept for a moment only. */
  lost(): void {
    this.#watching = false;
    this.#losses += 1;
    // For an outage it stays, where there may be one. Unless the watch goes on where it ended, that is over too.
    if (!this.#isOutage) this.#slots.clear();
  }

  /** Bytes in use, for the metrics. */
  get bytes(): number {
    return this.#slots.calculatedSize;
  }

  get entries(): number {
    return this.#slots.size;
  }

  async #ask(
    key: string,
    signal: AbortSignal,
    ask: (signal: AbortSignal, sentAtMs: number) => Promise<Made<V>>,
  ): Promise<V> {
    // The answer is younger than the question, so counting from here never lengthens its life.
    const sentAtMs = this.#now();
    try {
      const made = await ask(signal, sentAtMs);
      this.#keep(key, made, sentAtMs);
      return made.answer;
    } catch (thrown) {
      const kept = this.#isOutage?.(thrown) === true ? this.#lastKnown(key) : undefined;
      if (kept === undefined) throw thrown;
      return kept;
    }
  }

  #keep(key: string, { answer, ttlMs, version, bytes }: Made<V>, sentAtMs: number): void {
    const lifeMs = this.#certain(version, sentAtMs) ? ttlMs : Math.min(ttlMs, this.#lostTtlMs);
    const certainUntilMs = sentAtMs + lifeMs;
    if (certainUntilMs <= this.#now() || this.#takenBack(answer, version)) return;
    const expiresAtMs = this.#isOutage ? sentAtMs + ttlMs : certainUntilMs;
    const size = Math.ceil(bytes) + ENTRY_BYTES;
    if (size <= this.#slots.maxSize) {
      this.#put(key, { answer, certainUntilMs, expiresAtMs, losses: this.#losses, size });
    }
  }

  #put(key: string, slot: Slot<V>): void {
    this.#slots.set(key, slot, { size: slot.size });
    for (const group of this.#rule.groupsOf(slot.answer)) {
      const members = this.#groups.get(group);
      if (members) members.add(key);
      else this.#groups.set(group, new Set([key]));
    }
  }

  /** What was kept, which is then good for a moment, so that not every reader waits for the same failure. */
  #lastKnown(key: string): V | undefined {
    const slot = this.#slots.get(key);
    const nowMs = this.#now();
    if (!slot || nowMs >= slot.expiresAtMs) return undefined;
    const certainUntilMs = Math.min(slot.expiresAtMs, nowMs + this.#lostTtlMs);
    this.#put(key, { ...slot, certainUntilMs, losses: this.#losses });
    return slot.answer;
  }

  #startOver(version: number): void {
    this.#flights.closeDoors();
    this.#slots.clear();
    this.#version = version;
    this.#remembered = [];
    this.#raiseFloor(version);
    this.#onForgotten(undefined);
  }

  #raiseFloor(version: number): void {
    this.#floor = { version, untilMs: this.#now() + SETTLING_MS };
  }

  #certain(version: number, sentAtMs: number): boolean {
    return this.#watching && (version >= this.#floor.version || sentAtMs >= this.#floor.untilMs);
  }

  #takenBack(answer: V, version: number): boolean {
    return this.#remembered.some(
      (past) => version < past.version && this.#rule.concerns(past.invalidation, answer),
    );
  }

  #leaveGroups(answer: V, key: string): void {
    for (const group of this.#rule.groupsOf(answer)) {
      const members = this.#groups.get(group);
      members?.delete(key);
      if (members?.size === 0) this.#groups.delete(group);
    }
  }
}
