/** A request that is answered when what it asks for changes, or when its time is over. */
export interface Waiter {
  /** The instance whose changes wake it. */
  readonly instanceId: string;
  /**
   * Looks whether there is something new, answers if so, and says whether it did. With `last` it answers
   * whatever there is. Never rejects.
   */
  look(last: boolean): Promise<boolean>;
}

/** All that is kept of a waiter: no timer and no signal of its own. */
interface Place {
  readonly waiter: Waiter;
  readonly dueTick: number;
  looking: boolean;
  /** Woken while it was looking. */
  woken: boolean;
  /** Its time is over. */
  last: boolean;
}

/** How late a waiter may be answered when its time is over. */
const TICK_MS = 100;
/** What concerns all instances must not become as many requests at once. */
const LOOKS_AT_A_TIME = 32;

/**
 * Requests that wait for a change of their instance: thousands, nearly all of which wait in vain. They are
 * found by instance when something changes, and by the tick of one clock when their time is over.
 */
export class Waiters implements Disposable {
  readonly #now: () => number;
  readonly #places = new Map<Waiter, Place>();
  readonly #byInstance = new Map<string, Set<Place>>();
  readonly #byTick = new Map<number, Set<Place>>();
  /** Those that are to look, in the order in which they were woken. */
  readonly #queue = new Set<Place>();
  #looks = 0;
  #clock: NodeJS.Timeout | undefined;
  #lastTick = 0;
  #closed = false;

  constructor(now: () => number) {
    this.#now = now;
  }

  get size(): number {
    return this.#places.size;
  }

  /** Takes a waiter in for so long; then it looks for the last time. */
  add(waiter: Waiter, timeoutMs: number): void {
    const dueTick = this.#tick() + Math.ceil(timeoutMs / TICK_MS);
    const place = { waiter, dueTick, looking: false, woken: false, last: false };
    this.#places.set(waiter, place);
    join(this.#byInstance, waiter.instanceId, place);
    join(this.#byTick, dueTick, place);
    this.#clock ??= this.#startClock();
    if (this.#closed) this.#wake(place, true);
  }

  /** Forgets a waiter, as when its caller hung up, and says whether it was here. */
  remove(waiter: Waiter): boolean {
    const place = this.#places.get(waiter);
    if (!place) return false;
    this.#places.delete(waiter);
    this.#queue.delete(place);
    leave(this.#byInstance, waiter.instanceId, place);
    leave(this.#byTick, place.dueTick, place);
    if (this.#places.size === 0) this.#stopClock();
    return true;
  }

  /** Something changed about this instance, or about any. */
  wake(instanceId: string | undefined): void {
    const woken = instanceId === undefined ? this.#places.values() : (this.#byInstance.get(instanceId) ?? []);
    for (const place of woken) this.#wake(place, false);
  }

  /** Something may have changed between a waiter's first look and its coming here. */
  wakeOne(waiter: Waiter): void {
    const place = this.#places.get(waiter);
    if (place) this.#wake(place, false);
  }

  /** Answers everybody with what there is, now and from now on: nobody may be kept waiting any more. */
  close(): void {
    this.#closed = true;
    for (const place of this.#places.values()) this.#wake(place, true);
  }

  [Symbol.dispose](): void {
    this.#stopClock();
  }

  #wake(place: Place, last: boolean): void {
    place.last ||= last;
    if (place.looking) {
      place.woken = true;
      return;
    }
    this.#queue.add(place);
    // Not at once: whoever wakes us is in the middle of its own work.
    queueMicrotask(() => this.#lookOn());
  }

  #lookOn(): void {
    for (const place of this.#queue) {
      if (this.#looks >= LOOKS_AT_A_TIME) return;
      this.#queue.delete(place);
      void this.#look(place);
    }
  }

  async #look(place: Place): Promise<void> {
    const { last, waiter } = place;
    place.looking = true;
    this.#looks += 1;
    const answered = await waiter.look(last);
    this.#looks -= 1;
    place.looking = false;
    if (answered || last) this.remove(waiter);
    else if (place.woken && this.#places.has(waiter)) this.#queue.add(place);
    place.woken = false;
    this.#lookOn();
  }

  #startClock(): NodeJS.Timeout {
    this.#lastTick = this.#tick() - 1;
    return setInterval(() => this.#strike(), TICK_MS);
  }

  #stopClock(): void {
    clearInterval(this.#clock);
    this.#clock = undefined;
  }

  #strike(): void {
    const tick = this.#tick();
    while (this.#lastTick < tick) {
      this.#lastTick += 1;
      for (const place of this.#byTick.get(this.#lastTick) ?? []) this.#wake(place, true);
    }
  }

  #tick(): number {
    return Math.floor(this.#now() / TICK_MS);
  }
}

function join<K>(places: Map<K, Set<Place>>, key: K, place: Place): void {
  const members = places.get(key);
  if (members) members.add(place);
  else places.set(key, new Set([place]));
}

function leave<K>(places: Map<K, Set<Place>>, key: K, place: Place): void {
  const members = places.get(key);
  members?.delete(place);
  if (members?.size === 0) places.delete(key);
}
