import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, jest, test } from '@jest/globals';
import { FixtureProcess, until } from './fixtures/process.ts';

jest.setTimeout(90_000);

/** A port that somebody else holds. */
async function takePort(): Promise<AsyncDisposable & { port: number }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}

describe('an app as one process', () => {
  test('answers liveness, readiness and metrics', async () => {
    await using fixture = await FixtureProcess.up();
    expect(await fixture.get('ops', '/healthz')).toEqual({ status: 200, text: '{"status":"ok"}' });
    expect(await fixture.get('ops', '/readyz')).toEqual({ status: 200, text: '{"status":"ready"}' });
    await fixture.get('http', '/log');
    const { text } = await fixture.get('ops', '/metrics');
    expect(text).toContain('hallmark_info{app="fixture",version="0.1.0"} 1');
    expect(text).toContain('fixture_requests_total 1');
    expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds \S+$/m);

    await fixture.get('http', '/unready');
    expect(await fixture.get('ops', '/readyz')).toEqual({
      status: 503,
      text: '{"status":"not ready","reasons":["the app is not ready"]}',
    });
    expect(await fixture.get('ops', '/healthz')).toMatchObject({ status: 200 });
    expect(await fixture.get('ops', '/elsewhere')).toMatchObject({ status: 404 });
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('finishes what is in flight on %s', async (signal) => {
    await using fixture = await FixtureProcess.up();
    const answer = fixture.get('http', '/pid?afterMs=600');
    await until(
      'the request to arrive',
      async () => (await fixture.metric('fixture_requests_total')) || undefined,
    );
    fixture.signal(signal);
    await fixture.logged('stopping');
    expect(await fixture.get('ops', '/readyz')).toEqual({
      status: 503,
      text: '{"status":"not ready","reasons":["stopping"]}',
    });
    expect(await answer).toEqual({ status: 200, text: String(fixture.pid) });
    expect(await fixture.ended()).toEqual({ code: 0, signal: null });
    expect(fixture.log.at(-1)).toMatchObject({ msg: 'stopped' });
    expect(fixture.stderr).toBe('');
  });

  test('waits no longer than graceful_shutdown_timeout', async () => {
    await using fixture = await FixtureProcess.up({ env: { OS_DEFAULT__GRACEFUL_SHUTDOWN_TIMEOUT: '1' } });
    const answer = fixture.get('http', '/pid?afterMs=60000').catch(() => 'cut off');
    await until(
      'the request to arrive',
      async () => (await fixture.metric('fixture_requests_total')) || undefined,
    );
    fixture.signal('SIGTERM');
    expect(await fixture.ended()).toEqual({ code: 1, signal: null });
    expect(await answer).toBe('cut off');
    await fixture.logged('requests were still in flight after graceful_shutdown_timeout');
  });

  test('ends at once on a second signal', async () => {
    await using fixture = await FixtureProcess.up();
    const answer = fixture.get('http', '/pid?afterMs=60000').catch(() => 'cut off');
    await until(
      'the request to arrive',
      async () => (await fixture.metric('fixture_requests_total')) || undefined,
    );
    fixture.signal('SIGTERM');
    await fixture.logged('stopping');
    fixture.signal('SIGINT');
    expect(await fixture.ended()).toEqual({ code: 1, signal: null });
    expect(await answer).toBe('cut off');
  });

  test('ends with a line in the log after an error that nobody caught', async () => {
    await using fixture = await FixtureProcess.up();
    await fixture.get('http', '/throw').catch(() => undefined);
    expect(await fixture.ended()).toEqual({ code: 1, signal: null });
    expect(fixture.log.at(-1)).toMatchObject({
      level: 'fatal',
      err: { message: 'nobody catches this', cause: { message: 'the cause' } },
    });
  });

  test('writes its log as lines of JSON without secrets', async () => {
    await using fixture = await FixtureProcess.up({ env: { OS_DEFAULT__DEBUG: 'true' } });
    await fixture.get('http', '/log');
    expect(await fixture.logged('asked')).toMatchObject({
      app: 'fixture',
      pid: fixture.pid,
      headers: { 'x-auth-token': '[redacted]' },
    });
    expect(fixture.stdout).not.toContain('do-not-log-me');
  });
});

describe('SIGHUP', () => {
  test('takes a new configuration', async () => {
    await using fixture = await FixtureProcess.up({ ini: '[vendordata_cache]\nkey_prefix = before' });
    fixture.write(
      'workers = 4\n[vendordata_cache]\nkey_prefix = after\n[keystone_authtoken]\nauth_uri = http://k/',
    );
    fixture.signal('SIGHUP');
    await fixture.logged('the configuration has been read again');
    expect((await fixture.get('http', '/prefix')).text).toContain('"prefix":"after"');
    await fixture.logged(`${fixture.path}:4: [vendordata] workers takes effect after a restart`);
    await fixture.logged(`${fixture.path}:8: [keystone_authtoken] auth_uri is an old name`);
  });

  const refused = [
    {
      it: 'the schema',
      ini: 'key_prefix = after\nkey_prefux = x',
      fault: ':6: [vendordata_cache] key_prefux: unknown option, did you mean key_prefix?',
    },
    {
      it: 'the app',
      ini: 'key_prefix = unusable',
      fault: ':5: [vendordata_cache] key_prefix: is not usable by this app',
    },
  ];
  test.each(refused)('keeps the last good configuration when $it finds a fault', async ({ ini, fault }) => {
    await using fixture = await FixtureProcess.up({ ini: '[vendordata_cache]\nkey_prefix = before' });
    fixture.write(`[vendordata_cache]\n${ini}`);
    fixture.signal('SIGHUP');
    expect(await fixture.logged('the last good one stays in force')).toMatchObject({
      faults: [fixture.path + fault],
    });
    expect((await fixture.get('http', '/prefix')).text).toContain('"prefix":"before"');
    expect(await fixture.get('ops', '/readyz')).toMatchObject({ status: 200 });
  });
});

describe('a start that fails', () => {
  const faults: { it: string; ini: string; lines: string[] }[] = [
    {
      it: 'tells all faults, a line each',
      ini: 'workerss = 2\n[gateway]\nworkers = x',
      lines: [
        ':4: [vendordata] workerss: unknown option, did you mean workers?',
        ':6: [gateway] workers: "x" is not an integer',
      ],
    },
    {
      it: 'tells what only the app can see',
      ini: '[vendordata_cache]\nkey_prefix = unusable',
      lines: [':5: [vendordata_cache] key_prefix: is not usable by this app'],
    },
    {
      it: 'tells it once, however many workers there are',
      ini: 'workers = 3\n[vendordata_cache]\nkey_prefix = unusable',
      lines: [':6: [vendordata_cache] key_prefix: is not usable by this app'],
    },
  ];
  test.each(faults)('$it', async ({ ini, lines }) => {
    await using fixture = new FixtureProcess({ ini });
    expect(await fixture.ended()).toEqual({ code: 2, signal: null });
    expect(fixture.stderr).toBe(lines.map((line) => `${fixture.path}${line}\n`).join(''));
    expect(fixture.stdout).toBe('');
  });

  const ports = [
    { option: 'listen', workers: 1 },
    { option: 'listen', workers: 2 },
    { option: 'ops_listen', workers: 1 },
  ];
  test.each(ports)(
    'names the option whose port is in use: $option, workers = $workers',
    async ({ option, workers }) => {
      await using taken = await takePort();
      await using fixture = new FixtureProcess({
        ini: `${option} = 127.0.0.1:${taken.port}\nworkers = ${workers}`,
      });
      expect(await fixture.ended()).toEqual({ code: 2, signal: null });
      expect(fixture.stderr).toBe(
        `${fixture.path}:4: [vendordata] ${option}: 127.0.0.1:${taken.port} is in use by another process; stop that, or listen elsewhere\n`,
      );
      expect(fixture.stdout).toBe('');
    },
  );

  const commands = [
    {
      args: ['--config-file', '/nowhere/x.conf', '--config-dir', '/nowhere'],
      stderr: /^\/nowhere\/x.conf: does not exist\n\/nowhere: does not exist\n$/,
    },
    { args: ['--config-fil', 'x'], stderr: /^command line: Unknown option '--config-fil'/ },
    { args: ['surplus'], stderr: /^command line: Unexpected argument 'surplus'/ },
    { args: ['--config-file'], stderr: /^command line: Option '--config-file <value>' argument missing/ },
  ];
  test.each(commands)('explains $args', async ({ args, stderr }) => {
    await using fixture = new FixtureProcess({ args });
    expect(await fixture.ended()).toEqual({ code: 2, signal: null });
    expect(fixture.stderr).toMatch(stderr);
  });
});

describe('about itself', () => {
  test('an app tells its version', async () => {
    await using fixture = new FixtureProcess({ args: ['--version'] });
    expect(await fixture.ended()).toEqual({ code: 0, signal: null });
    expect(fixture.stdout).toBe('hallmark fixture 0.1.0\n');
  });

  test('an app tells how to start it', async () => {
    await using fixture = new FixtureProcess({ args: ['--help'] });
    expect(await fixture.ended()).toEqual({ code: 0, signal: null });
    expect(fixture.stdout).toMatch(/^Usage: fixture \[--config-file FILE\]/);
  });
});
