import { overQuota, unavailable, type HallmarkError } from '@hallmark/errors';

export type Bytes = AsyncIterable<Uint8Array>;

/** Which bytes of a piece of data. */
export interface Span {
  readonly offset: number;
  readonly length: number;
}

/** Where data is kept. A piece of data is written once, under a URL of its own, and never changed. */
export interface Store {
  readonly id: string;
  /** The URL that data named so has here. Nothing is there yet. */
  urlOf(name: string): string;
  /**
   * Takes data in as it flows and returns when it is safe. Until then nothing can be read at the URL.
   * `size` is how much comes, when that is known; it only helps to plan.
   *
   * @throws HallmarkError `STORE_FULL`, `STORE_UNAVAILABLE`, or what `data` throws
   */
  write(url: string, data: Bytes, options: WriteOptions): Promise<void>;
  /**
   * Gives data, after its first byte is there, so that until then another store can be asked.
   *
   * @throws HallmarkError `STORE_UNAVAILABLE`, also for data that is not there
   */
  read(url: string, span: Span, signal: AbortSignal): Promise<OpenBytes>;
  /** Removes data and whatever a write that broke off has left of it. Nothing there is no failure. */
  remove(url: string): Promise<void>;
}

export interface WriteOptions {
  readonly size: number | undefined;
  readonly signal: AbortSignal;
}

/** The message names the store and what happened, never a path or a key of an account. */
export const storeUnavailable = (storeId: string, what: string, cause?: unknown): HallmarkError =>
  unavailable('STORE_UNAVAILABLE', `Image storage media "${storeId}" ${what}.`, {
    cause,
    retryAfterSeconds: 5,
  });

export const storeFull = (storeId: string, cause?: unknown): HallmarkError =>
  overQuota('STORE_FULL', `Image storage media is full: there is no room left on "${storeId}".`, { cause });

export const storeReadOnly = (cause?: unknown): HallmarkError =>
  unavailable(
    'STORE_UNAVAILABLE',
    'Insufficient permissions on image storage media: Permission to write image storage media denied.',
    { cause },
  );

/**
 * A stream whose first piece is already there. What breaks before that makes the promise fail, so
 * that nobody has been told anything yet. Closing it closes what it reads from, begun or not.
 */
export async function primed(data: Bytes): Promise<OpenBytes> {
  const source = data[Symbol.asyncIterator]();
  let first: IteratorResult<Uint8Array, unknown> | undefined = await source.next();
  const iterator: OpenBytes = {
    async next() {
      const result = first ?? (await source.next());
      first = undefined;
      return result.done === true ? { done: true, value: undefined } : result;
    },
    async return() {
      await source.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}

/** Bytes that hold something open until they are read to their end or closed. */
export interface OpenBytes extends AsyncIterableIterator<Uint8Array, undefined> {
  return(): Promise<IteratorResult<Uint8Array, undefined>>;
}
