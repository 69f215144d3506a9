import { describe, expect, jest, test } from '@jest/globals';
import { FixtureProcess, isAlive, until } from './fixtures/process.ts';

jest.setTimeout(30_000);

const TWO = 'workers = 2\n';

/** The processes that answer, found by asking until as many have been seen. */
async function workersOf(fixture: FixtureProcess, count = 2): Promise<number[]> {
  const seen = new Set<number>();
  return until(`${count} workers to answer`, async () => {
    seen.add(Number((await fixture.get('http', '/pid')).text));
    return seen.size === count ? [...seen] : undefined;
  });
}

describe('an app as two workers', () => {
  test('answers from both, and counts what both did', async () => {
    await using fixture = await FixtureProcess.up({ ini: TWO });
    const workers = await workersOf(fixture);
    expect(workers).not.toContain(fixture.pid);
    const before = (await fixture.metric('fixture_requests_total')) ?? 0;
    expect(before).toBeGreaterThanOrEqual(2);
    await workersOf(fixture);
    expect(await fixture.metric('fixture_requests_total')).toBeGreaterThan(before);
    expect(await fixture.metric('hallmark_workers')).toBe(2);
    expect(await fixture.metric('hallmark_info')).toBe(1);
    expect(await fixture.get('ops', '/readyz')).toEqual({ status: 200, text: '{"status":"ready"}' });
    expect(fixture.log.filter(({ msg }) => msg === 'listening')).toHaveLength(1);
  });

  test('is ready only when all workers are', async () => {
    await using fixture = await FixtureProcess.up({ ini: TWO });
    await fixture.get('http', '/unready');
    const { status, text } = await fixture.get('ops', '/readyz');
    expect(status).toBe(503);
    expect(text).toMatch(/^\{"status":"not ready","reasons":\["worker \d+: the app is not ready"\]\}$/);
  });

  test('carries a message from one worker to the others, and not back', async () => {
    await using fixture = await FixtureProcess.up({ ini: 'workers = 3\n' });
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

  test('replaces a worker that dies', async () => {
    await using fixture = await FixtureProcess.up({ ini: TWO });
    const before = await workersOf(fixture);
    await fixture.get('http', '/die').catch(() => undefined);
    await fixture.logged('ended unexpectedly (signal SIGKILL); another one is started');
    await fixture.logged('the worker has been replaced');
    const after = await workersOf(fixture);
    expect(after.filter((pid) => before.includes(pid))).toHaveLength(1);
    expect(await fixture.metric('hallmark_worker_deaths_total')).toBe(1);
    expect(await fixture.get('ops', '/readyz')).toMatchObject({ status: 200 });
  });

  test('replaces a worker that crashed, whose log says why', async () => {
    await using fixture = await FixtureProcess.up({ ini: TWO });
    await fixture.get('http', '/throw').catch(() => undefined);
    await fixture.logged('ended by an error that nobody caught');
    await fixture.logged('ended unexpectedly (code 1)');
    await fixture.logged('the worker has been replaced');
  });

  test('finishes what is in flight in each worker', async () => {
    await using fixture = await FixtureProcess.up({ ini: TWO });
    const workers = await workersOf(fixture);
    const before = (await fixture.metric('fixture_requests_total')) ?? 0;
    const answers = [1, 2, 3, 4].map(() => fixture.get('http', '/pid?afterMs=800'));
    await until('the requests to arrive', async () => {
      const now = (await fixture.metric('fixture_requests_total')) ?? 0;
      return now >= before + 4 || undefined;
    });
    fixture.signal('SIGTERM');
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses).toEqual([200, 200, 200, 200]);
    expect(await fixture.ended()).toEqual({ code: 0, signal: null });
    expect(workers.filter(isAlive)).toEqual([]);
    expect(fixture.log.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('stops once when the terminal signals the whole group', async () => {
    await using fixture = await FixtureProcess.up({ ini: TWO });
    const workers = await workersOf(fixture);
    for (const pid of [fixture.pid, ...workers]) process.kill(pid, 'SIGINT');
    expect(await fixture.ended()).toEqual({ code: 0, signal: null });
  });

  test('leaves no worker behind after a second signal', async () => {
    await using fixture = await FixtureProcess.up({ ini: TWO });
    const workers = await workersOf(fixture);
    const answer = fixture.get('http', '/pid?afterMs=60000').catch(() => 'cut off');
    const before = (await fixture.metric('fixture_requests_total')) ?? 0;
    await until(
      'the request to arrive',
      async () => ((await fixture.metric('fixture_requests_total')) ?? 0) >= before || undefined,
    );
    fixture.signal('SIGTERM');
    await fixture.logged('stopping');
    fixture.signal('SIGTERM');
    expect(await fixture.ended()).toEqual({ code: 1, signal: null });
    expect(await answer).toBe('cut off');
    await until('the workers to be gone', () => workers.filter(isAlive).length === 0 || undefined);
  });

  test('leaves no worker behind when its primary process is killed', async () => {
    await using fixture = await FixtureProcess.up({ ini: TWO });
    const workers = await workersOf(fixture);
    fixture.signal('SIGKILL');
    await until('the workers to be gone', () => workers.filter(isAlive).length === 0 || undefined);
  });
});

describe('SIGHUP to workers', () => {
  const ini = (prefix: string): string => `${TWO}[vendordata_cache]\nkey_prefix = ${prefix}\n`;

  /** What the workers say, each seen at least once. */
  async function prefixes(fixture: FixtureProcess): Promise<Set<string>> {
    await workersOf(fixture);
    const answers = await Promise.all([1, 2, 3, 4].map(() => fixture.get('http', '/prefix')));
    return new Set(answers.map(({ text }) => text));
  }

  test('takes a new configuration in all of them', async () => {
    await using fixture = await FixtureProcess.up({ ini: ini('before') });
    fixture.write(ini('after'));
    fixture.signal('SIGHUP');
    await fixture.logged('the configuration has been read again');
    expect(await prefixes(fixture)).toEqual(new Set(['"after"']));
  });

  test('keeps the last good configuration, for a replaced worker too', async () => {
    await using fixture = await FixtureProcess.up({ ini: ini('before') });
    fixture.write(ini('unusable'));
    fixture.signal('SIGHUP');
    expect(await fixture.logged('the last good one stays in force')).toMatchObject({
      faults: [`${fixture.path}:6: [vendordata_cache] key_prefix: is not usable by this app`],
    });
    await fixture.get('http', '/die').catch(() => undefined);
    await fixture.logged('the worker has been replaced');
    expect(await prefixes(fixture)).toEqual(new Set(['"before"']));
  });
});
