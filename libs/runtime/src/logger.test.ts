import { describe, expect, test } from '@jest/globals';
import { unavailable } from '@hallmark/errors';
import { createLogger } from './logger.ts';

const SECRET = 'hunter2-do-not-log-me';

/** A logger and what it has written. */
function listen(level = 'trace') {
  const lines: string[] = [];
  const log = createLogger({
    app: 'test',
    level,
    destination: { write: (line: string) => lines.push(line) },
  });
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? '') as Record<string, unknown> };
}

describe('a line', () => {
  test('is JSON with time, level, app and process', () => {
    const { log, last } = listen();
    log.info({ latencyMs: 3 }, 'request');
    expect(last()).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      app: 'test',
      pid: process.pid,
      latencyMs: 3,
      msg: 'request',
    });
  });

  test('is written from its level on', () => {
    const { log, lines } = listen('warn');
    log.info('quiet');
    log.warn('loud');
    expect(lines).toHaveLength(1);
  });

  test('keeps what is no secret', () => {
    const { log, last } = listen();
    const at = new Date(0);
    log.info(
      { target: 'cmdb', at, nested: { list: [1, 'two', null, { three: true }] }, tokens_left: 5 },
      'x',
    );
    expect(last()).toMatchObject({
      target: 'cmdb',
      at: '1970-01-01T00:00:00.000Z',
      nested: { list: [1, 'two', null, { three: true }] },
      tokens_left: 5,
    });
  });
});

describe('a secret does not reach the log', () => {
  const names = [
    'x-auth-token',
    'X-Auth-Token',
    'x-service-token',
    'x-subject-token',
    'X-Subject-Token',
    'authorization',
    'Proxy-Authorization',
    'cookie',
    'set-cookie',
    'password',
    'admin_password',
    'secret',
    'application_credential_secret',
    'clientSecret',
    'metadata_proxy_shared_secret',
    'token',
    'userToken',
    'tokens',
    'user_data',
    'user-data',
    'userData',
    'body',
    'json',
    'instance_json',
    'instanceJson',
  ];
  test.each(names)('under the name %s, at any depth', (name) => {
    const { log, lines } = listen();
    const holder = { [name]: SECRET };
    log.info(holder, 'top');
    log.info({ request: { headers: holder } }, 'deeper');
    log.info({ a: { b: { c: { d: [{ e: holder }] } } } }, 'deep');
    log.info({ [name]: { [SECRET]: [SECRET] } }, 'an object under the name');
    log.info({ [name]: [SECRET, Buffer.from(SECRET)] }, 'a list under the name');
    log.info({ headers: new Map([[name, SECRET]]) }, 'a map');
    log.info({ rawHeaders: ['Host', 'h', name, SECRET] }, 'raw headers');
    log.info({ pairs: [[name, SECRET]] }, 'pairs');
    log.child(holder).info('bound to a child');
    log.child({ request: { headers: holder } }).info({ more: holder }, 'bound deeper');
    log.child({ a: 1 }).child(holder).child({ b: holder }).info('bound to a grandchild');
    const late = log.child({});
    late.setBindings(holder);
    late.info('bound later');
    expect(lines).toHaveLength(12);
    expect(lines.join('')).not.toContain(SECRET);
    expect(lines.join('')).not.toContain(Buffer.from(SECRET).toString('hex'));
  });

  test('inside errors, their causes and what their libraries hang on them', () => {
    const { log, lines, last } = listen();
    const deepest = Object.assign(new Error('connection lost'), {
      code: 'ECONNRESET',
      request: { headers: { 'x-auth-token': SECRET } },
      options: { auth: SECRET },
    });
    const cause = Object.assign(new Error('target failed', { cause: deepest }), {
      response: { text: SECRET },
    });
    const error = unavailable('TARGET_FAILED', 'Target cmdb did not answer.', { cause });
    log.error({ err: error }, 'failed');
    log.error(error);
    log.error({ nested: { err: error } }, 'failed deeper');
    log.error({ err: new AggregateError([error], 'several') }, 'failed several times');
    log.error({ err: { headers: { token: SECRET }, note: 'thrown, but no Error' } }, 'failed strangely');
    expect(lines).toHaveLength(5);
    expect(lines.join('')).not.toContain(SECRET);

    log.error({ err: error }, 'failed');
    expect(last()['err']).toMatchObject({
      name: 'HallmarkError',
      reason: 'TARGET_FAILED',
      message: 'Target cmdb did not answer.',
      cause: {
        name: 'Error',
        message: 'target failed',
        cause: { code: 'ECONNRESET', message: 'connection lost' },
      },
    });
  });

  const urls = [
    `http://user:${SECRET}@h.example.test/x?y=1`,
    `https://${SECRET}@h.example.test/`,
    `redis://:${SECRET}@h.example.test:6379/0`,
    `grpcs://user:with@${SECRET}@h.example.test:443`,
  ];
  test.each(urls)('as the password of a URL: %s', (url) => {
    const { log, lines } = listen();
    log.info({ url }, 'a member');
    log.info({ targets: [{ at: `cmdb@${url}` }] }, 'within text');
    log.info({ url: new URL(url) }, 'an object');
    log.info(`asked ${url} in vain`);
    log.info('asked %s in vain', url);
    log.error(new Error(`cannot reach ${url}`, { cause: new Error(url) }));
    expect(lines).toHaveLength(6);
    expect(lines.join('')).not.toContain(SECRET);
    expect(lines.every((line) => line.includes('@h.example.test'))).toBe(true);
  });

  test('as a token of Keystone in running text', () => {
    const { log, lines } = listen();
    const fernet = `gAAAAABn${'x-Y_9'.repeat(30)}==`;
    const jws = `eyJhbGciOiJFUzI1NiJ9.${'eyJzdWIi'.repeat(5)}.${'sIg-_'.repeat(8)}`;
    log.info(`token ${fernet} and ${jws} refused`);
    log.error(new Error(`validating ${fernet}: 404`));
    expect(lines.join('')).not.toMatch(/x-Y_9|eyJ/);
    expect(lines[0]).toContain('token [redacted] and [redacted] refused');
  });

  test('as bytes, of which only the number is told', () => {
    const { log, last } = listen();
    log.info({ answer: Buffer.from(SECRET), part: new Uint8Array(3) }, 'bytes');
    expect(last()).toMatchObject({ answer: `[${SECRET.length} bytes]`, part: '[3 bytes]' });
  });
});

describe('what cannot be written in JSON', () => {
  test('does not end in a circle', () => {
    const { log, lines } = listen();
    const circle: Record<string, unknown> = { name: 'circle' };
    circle['self'] = circle;
    const error = new Error('circle');
    error.cause = error;
    log.info({ circle, err: error }, 'round');
    expect(lines[0]?.length).toBeLessThan(20_000);
  });

  test('leaves a URL without a password as it is', () => {
    const { log, last } = listen();
    log.info({ url: 'http://h:8080/path?mail=a@b' }, 'asked a@b');
    expect(last()).toMatchObject({ url: 'http://h:8080/path?mail=a@b', msg: 'asked a@b' });
  });
});
