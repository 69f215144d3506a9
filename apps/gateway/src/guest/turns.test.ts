import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Turns } from './turns.ts';

const forever = new AbortController().signal;

/** Calls that go on until they are ended, in the order in which they began. */
class Calls {
  readonly turns = new Turns(2);
  readonly begun: string[] = [];
  readonly #ends = new Map<string, (result: string | Error) => void>();

  async take(name: string, signal = forever): Promise<string> {
    return this.turns.take(signal, async () => {
      this.begun.push(name);
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      this.#ends.set(name, (result) => (typeof result === 'string' ? resolve(result) : reject(result)));
      return promise;
    });
  }

  /** Ends one, and lets the next begin. */
  async end(name: string, result: string | Error = name): Promise<void> {
    this.#ends.get(name)?.(result);
    await jest.advanceTimersByTimeAsync(0);
  }
}

let calls: Calls;
beforeEach(() => {
  jest.useFakeTimers();
  calls = new Calls();
});
afterEach(() => {
  jest.useRealTimers();
});

describe('so many calls at a time', () => {
  test('the others follow in the order in which they came, also after a failure', async () => {
    const all = ['a', 'b', 'c', 'd', 'e'].map(async (name) => calls.take(name));
    expect(calls.begun).toEqual(['a', 'b']);

    const failure = expect(all[1]).rejects.toThrow('b failed');
    await calls.end('b', new Error('b failed'));
    await failure;
    expect(calls.begun).toEqual(['a', 'b', 'c']);

    await calls.end('a');
    await calls.end('c');
    expect(await Promise.all([all[0], all[2]])).toEqual(['a', 'c']);
    expect(calls.begun).toEqual(['a', 'b', 'c', 'd', 'e']);

    await calls.end('d');
    await calls.end('e');
    expect(await Promise.all([all[3], all[4]])).toEqual(['d', 'e']);
    void calls.take('f');
    void calls.take('g');
    expect(calls.begun.slice(5)).toEqual(['f', 'g']);
  });

  test('one that is not wanted any more gives its place in the queue away', async () => {
    const hangUp = new AbortController();
    const first = ['a', 'b'].map(async (name) => calls.take(name));
    const gone = calls.take('gone', hangUp.signal);
    const last = calls.take('last');
    hangUp.abort(new Error('hung up'));
    await expect(gone).rejects.toThrow('hung up');

    await calls.end('a');
    await first[0];
    expect(calls.begun).toEqual(['a', 'b', 'last']);
    await calls.end('last');
    expect(await last).toBe('last');
  });

  test('one that has waited for 20 s is told so, and does not begin later', async () => {
    const first = ['a', 'b'].map(async (name) => calls.take(name));
    const late = expect(calls.take('late')).rejects.toMatchObject({
      status: 503,
      reason: 'TOO_MANY_LOOKUPS',
    });
    await jest.advanceTimersByTimeAsync(20_000);
    await late;

    await calls.end('a');
    await first[0];
    expect(calls.begun).toEqual(['a', 'b']);
  });

  test('one that has begun may take as long as it takes', async () => {
    const first = ['a', 'b'].map(async (name) => calls.take(name));
    const next = calls.take('next');
    await calls.end('a');
    await first[0];
    await jest.advanceTimersByTimeAsync(60_000);
    await calls.end('next');
    expect(await next).toBe('next');
  });
});
