import { describe, expect, jest, test } from '@jest/globals';
import { Flights } from './flights.ts';
import type { InFlight, Plan } from './flights.ts';

const subject = { instanceId: 'i', target: 't' };
const never = new AbortController().signal;

/** Work that ends when it is told to, and rejects when it is aborted. */
function aPlan(id = 'a'): Plan<string> & { land(result: string): void; begun: () => InFlight[] } {
  const flights: InFlight[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  return {
    id,
    subject,
    timeoutMs: 1_000,
    work: (flight) => {
      flights.push(flight);
      flight.signal.addEventListener('abort', () => reject(flight.signal.reason as Error));
      return promise;
    },
    land: resolve,
    begun: () => flights,
  };
}

describe('identical requests', () => {
  test('are one, and all get its result', async () => {
    const flights = new Flights<string>();
    const plan = aPlan();
    const landings = Promise.all([1, 2, 3].map(() => flights.board(plan, never)));
    plan.land('done');
    const landed = { kind: 'landed', result: 'done', outdated: false };
    expect(await landings).toEqual([
      { ...landed, first: true },
      { ...landed, first: false },
      { ...landed, first: false },
    ]);
    expect(plan.begun()).toHaveLength(1);
  });

  test('fail together', async () => {
    const flights = new Flights<string>();
    const plan = { ...aPlan(), work: () => Promise.reject(new Error('bug')) };
    const landings = await Promise.allSettled([flights.board(plan, never), flights.board(plan, never)]);
    expect(landings.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  test('are asked anew once they have landed', async () => {
    const flights = new Flights<string>();
    const [one, other] = [aPlan(), aPlan()];
    one.land('first');
    other.land('second');
    await flights.board(one, never);
    expect(await flights.board(other, never)).toMatchObject({ result: 'second' });
  });
});

describe('a caller', () => {
  test('may leave while the others go on', async () => {
    const flights = new Flights<string>();
    const plan = aPlan();
    const impatient = new AbortController();
    const leaving = flights.board(plan, impatient.signal);
    const staying = flights.board(plan, never);
    impatient.abort();
    expect(await leaving).toEqual({ kind: 'left' });
    expect(plan.begun()[0]?.signal.aborted).toBe(false);
    plan.land('done');
    expect(await staying).toMatchObject({ result: 'done' });
  });

  test('who is the last to leave ends it, and who comes after begins another', async () => {
    const flights = new Flights<string>();
    const [plan, next] = [aPlan(), aPlan()];
    const leaver = new AbortController();
    const both = [flights.board(plan, leaver.signal), flights.board(plan, leaver.signal)];
    leaver.abort();
    expect(await Promise.all(both)).toEqual([{ kind: 'left' }, { kind: 'left' }]);
    expect(plan.begun()[0]?.signal.aborted).toBe(true);
    const after = flights.board(next, never);
    next.land('other');
    expect(await after).toMatchObject({ result: 'other', first: true });
  });

  test('who has left before does not begin anything', async () => {
    const plan = aPlan();
    expect(await new Flights<string>().board(plan, AbortSignal.abort())).toEqual({ kind: 'left' });
    expect(plan.begun()).toHaveLength(0);
  });
});

describe('a flight', () => {
  test('is ended when its time is up', async () => {
    const landing = new Flights<string>().board({ ...aPlan(), timeoutMs: 5 }, never);
    await expect(landing).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  test('without callers is not ended by one who comes and goes', async () => {
    const flights = new Flights<string>();
    const plan = aPlan();
    flights.launch(plan);
    flights.launch(plan);
    expect(plan.begun()).toHaveLength(1);
    const visitor = new AbortController();
    const visit = flights.board(plan, visitor.signal);
    visitor.abort();
    await visit;
    expect(plan.begun()[0]?.signal.aborted).toBe(false);
    await flights.ground();
  });

  test('that a purge concerns gives its result to who waits, and to nobody after', async () => {
    const flights = new Flights<string>();
    const [before, after] = [aPlan(), aPlan()];
    const waiting = flights.board(before, never);
    flights.outdate(({ target }) => target === 't');
    const later = flights.board(after, never);
    before.land('old');
    after.land('new');
    expect(await waiting).toMatchObject({ result: 'old', outdated: true });
    expect(await later).toMatchObject({ result: 'new', outdated: false, first: true });
  });

  test('that it does not concern goes on', async () => {
    const flights = new Flights<string>();
    const plan = aPlan();
    const waiting = flights.board(plan, never);
    flights.outdate(({ target }) => target === 'other');
    plan.land('done');
    expect(await waiting).toMatchObject({ outdated: false });
  });

  test('ends with the process', async () => {
    const flights = new Flights<string>();
    const told = jest.fn();
    const landing = flights.board(aPlan(), never).catch(told);
    await flights.ground();
    await landing;
    expect(told).toHaveBeenCalledWith(expect.objectContaining({ name: 'AbortError' }));
  });
});
