import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { FixtureProcess, isAlive, until } from './fixtures/process.ts';

jest.setTimeout(90_000);

/** The processes that answer, found by asking until as many have been seen. */
async function workersOf(fixture: FixtureProcess, count: number): Promise<number[]> {
  const seen = new Set<number>();
  return until(`${count} workers to answer`, async () => {
    seen.add(Number((await fixture.get('http', '/pid')).text));
    return seen.size === count ? [...seen] : undefined;
  });
}

describe('an app as three workers', () => {
  const ini = (prefix: string): string => `workers = 3\n[vendordata_cache]\nkey_prefix = ${prefix}\n`;
  let fixture: FixtureProcess;
  beforeAll(async () => {
    fixture = await FixtureProcess.up({ ini: ini('first') });
  });
  afterAll(async () => {
    await fixture[Symbol.asyncDispose]();
  });

  /** What the workers say, each asked at least once. */
  async function prefixes(): Promise<Set<string>> {
    const answers = new Map<number, string>();
    await until('all workers to answer', async () => {
      const { pid, prefix } = JSON.parse((await fixture.get('http', '/prefix')).text) as {
        pid: number;
        prefix: string;
      };
      answers.set(pid, prefix);
      return answers.size === 3 || undefined;
    });
    return new Set(answers.values());
  }

  test('answers from each, and counts what all did', async () => {
    const workers = await workersOf(fixture, 3);
    expect(workers).not.toContain(fixture.pid);
    const before = (await fixture.metric('fixture_requests_total')) ?? 0;
    expect(before).toBeGreaterThanOrEqual(3);
    await Promise.all([1, 2, 3].map(() => fixture.get('http', '/pid')));
    expect(await fixture.metric('fixture_requests_total')).toBe(before + 3);
    expect(await fixture.metric('hallmark_workers')).toBe(3);
    expect(await fixture.metric('hallmark_info')).toBe(1);
    expect(await fixture.get('ops', '/readyz')).toEqual({ status: 200, text: '{"status":"ready"}' });
    expect(fixture.log.filter(({ msg }) => msg === 'listening')).toHaveLength(1);
  });

  test('carries a message from one worker to the others, and not back', async () => {
    const workers = await workersOf(fixture, 3);
    await fixture.get('http', '/tell');
    const heard = await until('the message to arrive', async () => {
      const lists = new Map<number, { from: number }[]>();
      while (lists.size < workers.length) {
        const { pid, heard } = JSON.parse((await fixture.get('http', '/heard')).text) as {
          pid: number;
          heard: { from: number }[];
        };
        lists.set(pid, heard);
      }
      return [...lists.values()].flat().length === 2 ? lists : undefined;
    });
    const [sender = 0] = workers.filter((pid) => heard.get(pid)?.length === 0);
    const others = workers.filter((pid) => pid !== sender);
    expect(others.map((pid) => heard.get(pid))).toEqual([[{ from: sender }], [{ from: sender }]]);
  });

  test('takes a new configuration in all of them', async () => {
    fixture.write(ini('second'));
    fixture.signal('SIGHUP');
    await fixture.logged('the configuration has been read again');
    expect(await prefixes()).toEqual(new Set(['second']));
  });

  test('replaces one that is killed, by one with the last good configuration', async () => {
    fixture.write(ini('unusable'));
    fixture.signal('SIGHUP');
    expect(await fixture.logged('the last good one stays in force')).toMatchObject({
      faults: [`${fixture.path}:6: [vendordata_cache] key_prefix: is not usable by this app`],
    });
    const before = await workersOf(fixture, 3);
    await fixture.get('http', '/die').catch(() => undefined);
    await fixture.logged('ended unexpectedly (signal SIGKILL); another one is started');
    await fixture.logged('the worker has been replaced');
    const after = await workersOf(fixture, 3);
    expect(after.filter((pid) => before.includes(pid))).toHaveLength(2);
    expect(await prefixes()).toEqual(new Set(['second']));
    expect(await fixture.metric('hallmark_worker_deaths_total')).toBe(1);
    expect(await fixture.get('ops', '/readyz')).toMatchObject({ status: 200 });
  });

  test('replaces one that crashed, whose log says why', async () => {
    await fixture.get('http', '/throw').catch(() => undefined);
    await fixture.logged('ended by an error that nobody caught');
    await fixture.logged('ended unexpectedly (code 1)');
    await until('the worker to be replaced', async () =>
      (await fixture.metric('hallmark_workers')) === 3 ? true : undefined,
    );
  });

  test('is ready only when all of them are', async () => {
    await fixture.get('http', '/unready');
    const { status, text } = await fixture.get('ops', '/readyz');
    expect(status).toBe(503);
    expect(text).toMatch(/^\{"status":"not ready","reasons":\["worker \d+: the app is not ready"\]\}$/);
  });

  test('finishes what is in flight in each, and ends', async () => {
    const workers = await workersOf(fixture, 3);
    const before = (await fixture.metric('fixture_requests_total')) ?? 0;
    const answers = [1, 2, 3, 4, 5, 6].map(() => fixture.get('http', '/pid?afterMs=800'));
    await until('the requests to arrive', async () => {
      const now = (await fixture.metric('fixture_requests_total')) ?? 0;
      return now >= before + 6 || undefined;
    });
    // A terminal signals the whole group, and the primary process tells its workers the same.
    for (const pid of [fixture.pid, ...workers]) process.kill(pid, 'SIGINT');
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 200]);
    expect(await fixture.ended()).toEqual({ code: 0, signal: null });
    expect(workers.filter(isAlive)).toEqual([]);
    expect(fixture.log.at(-1)).toMatchObject({ msg: 'stopped' });
  });
});

describe('no worker is left behind', () => {
  test('after a second signal', async () => {
    await using fixture = await FixtureProcess.up({ ini: 'workers = 2\n' });
    const workers = await workersOf(fixture, 2);
    const before = (await fixture.metric('fixture_requests_total')) ?? 0;
    const answer = fixture.get('http', '/pid?afterMs=60000').catch(() => 'cut off');
    await until('the request to arrive', async () => {
      const now = (await fixture.metric('fixture_requests_total')) ?? 0;
      return now > before || undefined;
    });
    fixture.signal('SIGTERM');
    await fixture.logged('stopping');
    fixture.signal('SIGTERM');
    expect(await fixture.ended()).toEqual({ code: 1, signal: null });
    expect(await answer).toBe('cut off');
    await until('the workers to be gone', () => workers.filter(isAlive).length === 0 || undefined);
  });

  test('when the primary process is killed', async () => {
    await using fixture = await FixtureProcess.up({ ini: 'workers = 2\n' });
    const workers = await workersOf(fixture, 2);
    fixture.signal('SIGKILL');
    await until('the workers to be gone', () => workers.filter(isAlive).length === 0 || undefined);
  });
});
