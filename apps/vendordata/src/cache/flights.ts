import type { Subject } from './local-answers.ts';

/** What the work of a flight may know about it. */
export interface InFlight {
  /** Aborted when the last caller is gone or the time is up; the work must settle then. */
  readonly signal: AbortSignal;
  /** Whether a purge has meanwhile made its result something that must not be kept. */
  readonly outdated: boolean;
}

/** How a caller's wait ended. */
export type Landing<T> =
  | { readonly kind: 'landed'; readonly result: T; readonly first: boolean; readonly outdated: boolean }
  /** The caller's own signal was aborted; the flight may go on for others. */
  | { readonly kind: 'left' };

/** A request that several callers may share. */
export interface Plan<T> {
  readonly id: string;
  readonly subject: Subject;
  readonly timeoutMs: number;
  readonly work: (flight: InFlight) => Promise<T>;
}

class Flight<T> implements InFlight {
  readonly subject: Subject;
  readonly result: Promise<T>;
  outdated = false;
  landed = false;
  passengers = 0;
  readonly #stop = new AbortController();

  constructor({ subject, timeoutMs, work }: Plan<T>, onLanded: (flight: Flight<T>) => void) {
    this.subject = subject;
    const timer = setTimeout(() => this.abort('TimeoutError'), timeoutMs);
    this.result = work(this).finally(() => {
      clearTimeout(timer);
      this.landed = true;
      onLanded(this);
    });
    this.result.catch(() => undefined); // whoever waits handles it; nobody may be left to
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  abort(name: 'TimeoutError' | 'AbortError'): void {
    this.#stop.abort(new DOMException('The shared request has ended.', name));
  }
}

/** Merges identical requests of this process: one does the work, all get its result. */
export class Flights<T> {
  /** Those that can be joined. */
  readonly #listed = new Map<string, Flight<T>>();
  readonly #flying = new Set<Flight<T>>();

  /** Joins the flight of that id, or begins it, and waits for its result or for `signal`. */
  async board(plan: Plan<T>, signal: AbortSignal): Promise<Landing<T>> {
    if (signal.aborted) return { kind: 'left' };
    const listed = this.#listed.get(plan.id);
    const flight = listed ?? this.#begin(plan);
    flight.passengers += 1;
    const left = Promise.withResolvers<Landing<T>>();
    const leave = (): void => left.resolve({ kind: 'left' });
    signal.addEventListener('abort', leave, { once: true });
    try {
      const landed = flight.result.then((result): Landing<T> => ({
        kind: 'landed',
        result,
        first: listed === undefined,
        outdated: flight.outdated,
      }));
      return await Promise.race([landed, left.promise]);
    } finally {
      signal.removeEventListener('abort', leave);
      flight.passengers -= 1;
      if (flight.passengers === 0 && !flight.landed) {
        this.#unlist(plan.id, flight); // at once, so that nobody joins a flight that is being ended
        flight.abort('AbortError');
      }
    }
  }

  /** Begins a flight that goes on without callers, unless there is one of that id already. */
  launch(plan: Plan<T>): void {
    if (this.#listed.has(plan.id)) return;
    this.#begin(plan).passengers += 1;
  }

  /** Marks flights whose results must not be kept. Their callers still get them, as they asked before; nobody joins. */
  outdate(concerns: (subject: Subject) => boolean): void {
    for (const flight of this.#flying) if (concerns(flight.subject)) flight.outdated = true;
    for (const [id, flight] of this.#listed) if (flight.outdated) this.#listed.delete(id);
  }

  /** Ends all flights and waits until they have. */
  async ground(): Promise<void> {
    const flights = [...this.#flying];
    for (const flight of flights) flight.abort('AbortError');
    await Promise.allSettled(flights.map(({ result }) => result));
  }

  #begin(plan: Plan<T>): Flight<T> {
    const flight = new Flight(plan, (landed: Flight<T>) => {
      this.#flying.delete(landed);
      this.#unlist(plan.id, landed);
    });
    this.#flying.add(flight);
    this.#listed.set(plan.id, flight);
    return flight;
  }

  #unlist(id: string, flight: Flight<T>): void {
    if (this.#listed.get(id) === flight) this.#listed.delete(id);
  }
}
