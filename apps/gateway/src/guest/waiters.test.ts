import { afterEach, describe, expect, test } from '@jest/globals';
import { Waiters, type Waiter } from './waiters.ts';

/** A waiter whose looks end when a test says so. */
class Patient implements Waiter {
  readonly instanceId: string;
  readonly looks: boolean[] = [];
  #end = Promise.withResolvers<boolean>();

  constructor(instanceId: string) {
    this.instanceId = instanceId;
  }

  async look(last: boolean): Promise<boolean> {
    this.looks.push(last);
    return this.#end.promise;
  }

  /** Ends the look under way, and lets everything that follows from it happen. */
  async end(answered: boolean): Promise<void> {
    const { resolve } = this.#end;
    this.#end = Promise.withResolvers();
    resolve(answered);
    await settled();
  }
}

const settled = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

let waiters = new Waiters(() => 0);
const seated = (instanceId = 'web'): Patient => {
  const patient = new Patient(instanceId);
  waiters.add(patient, 10_000);
  return patient;
};
afterEach(() => {
  waiters[Symbol.dispose]();
  waiters = new Waiters(() => 0);
});

describe('waiters', () => {
  test('look when their instance changes, and stay when there is nothing new', async () => {
    const [web, db] = [seated(), seated('db')];
    waiters.wake('web');
    await settled();
    expect([web.looks, db.looks]).toEqual([[false], []]);
    await web.end(false);
    expect(waiters.size).toBe(2);
    waiters.wake('web');
    await settled();
    await web.end(true);
    expect(waiters.size).toBe(1);
  });

  test('look once more when they are woken while they look', async () => {
    const web = seated();
    waiters.wake('web');
    await settled();
    waiters.wake('web');
    waiters.wake('web');
    expect(web.looks).toHaveLength(1);
    await web.end(false);
    expect(web.looks).toEqual([false, false]);
    await web.end(false);
    expect(web.looks).toHaveLength(2);
  });

  test('look a few at a time, and all of them in the end', async () => {
    const many = Array.from({ length: 100 }, () => seated());
    waiters.wake(undefined);
    await settled();
    const looking = () => many.filter(({ looks }) => looks.length > 0).length;
    expect(looking()).toBe(32);
    for (const patient of many) await patient.end(true);
    expect(looking()).toBe(100);
    expect(waiters.size).toBe(0);
  });

  test('look for the last time when nobody may be kept waiting, also while they look', async () => {
    const web = seated();
    waiters.wake('web');
    await settled();
    waiters.close();
    await web.end(false);
    expect(web.looks).toEqual([false, true]);
    await web.end(true);
    expect(waiters.size).toBe(0);
    const late = seated();
    await settled();
    expect(late.looks).toEqual([true]);
  });

  test('that left are not asked to look', async () => {
    const web = seated();
    waiters.wake('web');
    expect(waiters.remove(web)).toBe(true);
    expect(waiters.remove(web)).toBe(false);
    await settled();
    expect(web.looks).toEqual([]);
  });
});
