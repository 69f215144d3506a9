import { describe, expect, test } from '@jest/globals';
import { SharedFlights } from './shared-flights.ts';

interface Started {
  signal: AbortSignal;
  land: (answer: string) => void;
  crash: (error: Error) => void;
}

function flights() {
  const shared = new SharedFlights<string>();
  const started: Started[] = [];
  const start = (signal: AbortSignal) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    started.push({ signal, land: resolve, crash: reject });
    return promise;
  };
  return {
    shared,
    started,
    ask: (key: string, signal = new AbortController().signal) => shared.join(key, signal, start),
  };
}

describe('identical requests in flight', () => {
  test('are one', async () => {
    const { ask, started } = flights();
    const both = Promise.all([ask('k'), ask('k')]);
    started[0]?.land('answer');
    await expect(both).resolves.toEqual([
      { answer: 'answer', shared: false },
      { answer: 'answer', shared: true },
    ]);
    expect(started).toHaveLength(1);
  });

  test('are told apart by key', () => {
    const { ask, started } = flights();
    void ask('k');
    void ask('other');
    expect(started).toHaveLength(2);
  });

  test('fail together, and the next one is asked anew', async () => {
    const { ask, started } = flights();
    const both = Promise.allSettled([ask('k'), ask('k')]);
    started[0]?.crash(new Error('down'));
    expect((await both).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    void ask('k');
    expect(started).toHaveLength(2);
  });

  test('are asked anew once they have landed', async () => {
    const { ask, started } = flights();
    const first = ask('k');
    started[0]?.land('answer');
    await first;
    void ask('k');
    expect(started).toHaveLength(2);
  });

  test('go on when one of two hangs up, and end when the second does', async () => {
    const { ask, started } = flights();
    const [one, two] = [new AbortController(), new AbortController()];
    const both = Promise.allSettled([ask('k', one.signal), ask('k', two.signal)]);
    one.abort();
    expect(started[0]?.signal.aborted).toBe(false);
    two.abort();
    expect(started[0]?.signal.aborted).toBe(true);
    expect((await both).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  test('are not joined after they were cancelled', () => {
    const { ask, started } = flights();
    const gone = new AbortController();
    ask('k', gone.signal).catch(() => undefined);
    gone.abort();
    void ask('k');
    expect(started).toHaveLength(2);
    expect(started[1]?.signal.aborted).toBe(false);
  });

  test('are not joined once the doors are closed, but land for those who wait', async () => {
    const { shared, ask, started } = flights();
    const before = ask('k');
    shared.closeDoors();
    const after = ask('k');
    started[0]?.land('old');
    started[1]?.land('new');
    expect((await before).answer).toBe('old');
    expect(await after).toEqual({ answer: 'new', shared: false });
    void ask('k');
    expect(started).toHaveLength(3);
  });

  test('are not begun for a caller who is gone already', async () => {
    const { ask, started } = flights();
    await expect(ask('k', AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
    expect(started).toHaveLength(0);
  });
});
