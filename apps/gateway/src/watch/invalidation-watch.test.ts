import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { InvalidationWatch, type WatchEvent } from './invalidation-watch.ts';

/** One opened stream, fed by hand. */
class Stream implements AsyncIterable<WatchEvent<string>> {
  readonly #events: (WatchEvent<string> | Error | 'end')[] = [];
  #wake: () => void = () => undefined;
  readonly signal: AbortSignal;
  /** Whether it goes on when it is told to end. */
  isStubborn = false;

  constructor(signal: AbortSignal) {
    this.signal = signal;
    signal.addEventListener('abort', () => this.#wake());
  }

  send(event: WatchEvent<string> | Error | 'end'): void {
    this.#events.push(event);
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WatchEvent<string>> {
    while (!this.signal.aborted || this.isStubborn) {
      const event = this.#events.shift();
      if (event === 'end') return;
      if (event instanceof Error) throw event;
      if (event) yield event;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

const HELLO = { kind: 'hello', epoch: 'e1', version: 1 } as const;
const HEARTBEAT = { kind: 'heartbeat', version: 1 } as const;

let streams: Stream[];
let seen: string[];
let watch: InvalidationWatch<string>;

/** Lets everything happen that needs no time. */
const settle = async (ms = 0): Promise<void> => jest.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  jest.useFakeTimers();
  streams = [];
  seen = [];
  watch = new InvalidationWatch({
    open: (signal) => {
      const stream = new Stream(signal);
      streams.push(stream);
      return stream;
    },
    follower: {
      hello: (epoch, version) => seen.push(`hello ${epoch} ${version}`),
      heartbeat: (version) => seen.push(`heartbeat ${version}`),
      invalidated: (what, version) => seen.push(`invalidated ${what} ${version}`),
      lost: () => seen.push('lost'),
    },
    onUp: () => seen.push('up'),
    onInvalidated: () => seen.push('counted'),
    onLost: (cause) => seen.push(`down: ${cause instanceof Error ? cause.message : 'nothing'}`),
  });
});

afterEach(async () => {
  const ended = watch[Symbol.asyncDispose]();
  await settle();
  await ended;
  jest.useRealTimers();
});

describe('a watch', () => {
  test('passes on what it hears, in order', async () => {
    streams[0]?.send(HELLO);
    streams[0]?.send(HEARTBEAT);
    streams[0]?.send({ kind: 'invalidated', invalidation: 'x', version: 2 });
    await settle();
    expect(seen).toEqual(['hello e1 1', 'up', 'heartbeat 1', 'invalidated x 2', 'counted']);
  });

  test('has been greeted once it was', async () => {
    expect(watch.greeted).toBe(false);
    streams[0]?.send(HELLO);
    await settle();
    streams[0]?.send('end');
    await settle();
    expect(watch.greeted).toBe(true);
  });

  test.each([
    ['ends', 'end', 'down: The stream ended.'],
    ['breaks', new Error('reset'), 'down: reset'],
  ] as const)('that %s is lost at once and opened anew', async (_how, event, word) => {
    streams[0]?.send(HELLO);
    streams[0]?.send(event);
    await settle();
    expect(seen.slice(2)).toEqual(['lost', word]);
    await settle(150);
    expect(streams).toHaveLength(2);
    streams[1]?.send(HELLO);
    await settle();
    expect(seen.slice(4)).toEqual(['hello e1 1', 'up']);
  });

  test('that falls silent is lost after three seconds, and not before', async () => {
    streams[0]?.send(HELLO);
    await settle(2_900);
    streams[0]?.send(HEARTBEAT);
    await settle(2_999);
    expect(seen).not.toContain('lost');
    await settle(1);
    expect(seen).toContain('lost');
    expect(streams[0]?.signal.aborted).toBe(true);
    await settle(150);
    expect(streams).toHaveLength(2);
  });

  test('is lost before the stream has ended', async () => {
    const [stream] = streams;
    if (stream) stream.isStubborn = true;
    stream?.send(HELLO);
    await settle(3_000);
    expect(seen).toContain('lost');
    stream?.send('end');
  });

  test('hears no more from a stream that it gave up', async () => {
    streams[0]?.send(HELLO);
    await settle(3_000);
    streams[0]?.send({ kind: 'invalidated', invalidation: 'x', version: 2 });
    await settle();
    expect(seen).not.toContain('invalidated x 2');
  });

  test('that does not begin with hello is no watch', async () => {
    streams[0]?.send(HEARTBEAT);
    await settle();
    expect(seen).toEqual(['lost', 'down: The watch began with heartbeat.']);
    expect(watch.greeted).toBe(false);
  });

  test('tells of an outage once, and goes on trying, ever less often', async () => {
    for (let second = 0; second < 20; second++) {
      streams.at(-1)?.send(new Error('refused'));
      await settle(1_000);
    }
    expect(seen).toEqual(['lost', 'down: refused']);
    expect(streams.length).toBeGreaterThan(10);
    expect(streams.length).toBeLessThan(50);
  });

  test('ends when it is told to', async () => {
    streams[0]?.send(HELLO);
    await settle();
    const ended = watch[Symbol.asyncDispose]();
    await settle();
    await ended;
    await settle(10_000);
    expect(streams).toHaveLength(1);
    expect(seen).toEqual(['hello e1 1', 'up']);
  });
});
