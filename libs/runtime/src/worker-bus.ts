/** What may travel between processes. */
export type JsonValue =
  string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/**
 * Messages among the workers of one app on one machine. A message reaches every other worker that
 * is up, once and in order, and never the one that sent it.
 */
export interface WorkerBus {
  publish(topic: string, message: JsonValue): void;
  /** Returns the function that ends the subscription. */
  subscribe(topic: string, listener: (message: JsonValue) => void): () => void;
}

/** The bus of one worker. `send` takes a message to the others; `deliver` takes theirs in. */
export class Bus implements WorkerBus {
  readonly #listeners = new Map<string, Set<(message: JsonValue) => void>>();
  readonly #send: (topic: string, message: JsonValue) => void;

  constructor(send: (topic: string, message: JsonValue) => void) {
    this.#send = send;
  }

  publish(topic: string, message: JsonValue): void {
    this.#send(topic, message);
  }

  subscribe(topic: string, listener: (message: JsonValue) => void): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set();
    listeners.add(listener);
    this.#listeners.set(topic, listeners);
    return () => {
      listeners.delete(listener);
    };
  }

  deliver(topic: string, message: JsonValue): void {
    for (const listener of this.#listeners.get(topic) ?? []) listener(message);
  }
}

/** The bus of an app that runs as one process: there are no others. */
export function soleWorkerBus(): Bus {
  return new Bus(() => undefined);
}
