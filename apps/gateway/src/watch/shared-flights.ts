/** One request under way, and how many wait for it. */
interface Flight<V> {
  readonly answer: Promise<V>;
  readonly cancel: AbortController;
  waiting: number;
}

export interface Landed<V> {
  readonly answer: V;
  /** Whether another request had asked already. */
  readonly shared: boolean;
}

/**
 * Makes identical requests in flight one. It is cancelled when the last of those who wait for it has
 * hung up, and not before.
 */
export class SharedFlights<V> {
  readonly #flights = new Map<string, Flight<V>>();

  /**
   * Joins the flight of this key, or starts it. Rejects with the reason of `signal` when the caller
   * hangs up first.
   */
  async join(
    key: string,
    signal: AbortSignal,
    start: (signal: AbortSignal) => Promise<V>,
  ): Promise<Landed<V>> {
    signal.throwIfAborted();
    const joined = this.#flights.get(key);
    const flight = joined ?? this.#start(key, start);
    flight.waiting += 1;
    const answer = await this.#wait(key, flight, signal);
    return { answer, shared: joined !== undefined };
  }

  /** Nobody joins what is under way now: it may have been asked before the world changed. */
  closeDoors(): void {
    this.#flights.clear();
  }

  #start(key: string, start: (signal: AbortSignal) => Promise<V>): Flight<V> {
    const cancel = new AbortController();
    const flight: Flight<V> = { answer: start(cancel.signal), cancel, waiting: 0 };
    this.#flights.set(key, flight);
    const leave = (): void => this.#forget(key, flight);
    flight.answer.then(leave, leave);
    return flight;
  }

  async #wait(key: string, flight: Flight<V>, signal: AbortSignal): Promise<V> {
    return new Promise((resolve, reject) => {
      const hungUp = (): void => {
        flight.waiting -= 1;
        if (flight.waiting === 0) {
          this.#forget(key, flight);
          flight.cancel.abort();
        }
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', hungUp, { once: true });
      void flight.answer.then(resolve, reject).finally(() => {
        signal.removeEventListener('abort', hungUp);
      });
    });
  }

  #forget(key: string, flight: Flight<V>): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }
}
