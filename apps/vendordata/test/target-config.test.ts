import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ConfigError, parseConfig } from '@hallmark/runtime';
import { createTestCertificates, type CertificateFiles, type TestCertificates } from '@hallmark/testing';
import { readTargets, resolveTimeoutMs } from '../src/target-config.ts';

const PROJECT = 'b1c0ec969e3a4133bea1e08f2c92ec8d';

let certificates: TestCertificates;
let client: CertificateFiles;
let folder: string;

beforeAll(async () => {
  certificates = await createTestCertificates();
  client = await certificates.issue({ name: 'nova', usage: 'client' });
  folder = await mkdtemp(join(tmpdir(), 'hallmark-target-config-'));
});
afterAll(async () => {
  await certificates[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const targets = (ini: string) => readTargets(parseConfig(ini));

function faults(ini: string): string[] {
  try {
    targets(ini);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ message }) => message);
    throw error;
  }
  return [];
}

describe('targets', () => {
  test('come from the list of Nova first, then from sections of their own', () => {
    const read = targets(`
[vendordata_target:extra]
url = grpc://10.0.0.9:50051
[api]
vendordata_dynamic_targets = web@http://10.0.0.5:8888/, cloud-init@https://h/x?y=a@b
[vendordata_target:web]
failure = stale
[vendordata_target:last]
url = http://user:pw@h/
`);
    expect(read.map(({ name, url, failure }) => ({ name, url, failure }))).toEqual([
      { name: 'web', url: 'http://10.0.0.5:8888/', failure: 'stale' },
      { name: 'cloud-init', url: 'https://h/x?y=a@b', failure: 'omit' },
      { name: 'extra', url: 'grpc://10.0.0.9:50051', failure: 'omit' },
      { name: 'last', url: 'http://h/', failure: 'omit' },
    ]);
  });

  test('take their defaults from the options of Nova', () => {
    const [target] = targets(`
[api]
vendordata_dynamic_targets = a@http://h/
vendordata_dynamic_connect_timeout = 4
vendordata_dynamic_read_timeout = 7
vendordata_dynamic_failure_fatal = true
`);
    expect(target).toMatchObject({
      failure: 'fatal',
      connectTimeoutMs: 4_000,
      readTimeoutMs: 7_000,
      totalTimeoutMs: 11_000,
      maxResponseBytes: 1_048_576,
      maxStaleSeconds: 86_400,
      maxConcurrency: 64,
      breakerFailures: 5,
      breakerResetMs: 10_000,
      authorities: undefined,
      clientCertificate: undefined,
    });
  });

  test('have everything that their own section says', () => {
    const [target] = targets(`
[api]
vendordata_dynamic_targets = a@http://h/
vendordata_dynamic_failure_fatal = true
[vendordata_target:a]
url = http://h/
failure = omit
connect_timeout = 0.5
read_timeout = 1.5
total_timeout = 9
max_response_bytes = 100
max_stale = 60
projects = ${PROJECT}, B1C0EC96-9E3A-4133-BEA1-E08F2C92EC8E
exclude_projects = ${PROJECT.replace('b', 'c')}
max_concurrency = 2
default_cache_control = max-age=60
breaker_failures = 3
breaker_reset = 0.5
`);
    expect(target).toMatchObject({
      failure: 'omit',
      connectTimeoutMs: 500,
      readTimeoutMs: 1_500,
      totalTimeoutMs: 9_000,
      maxResponseBytes: 100,
      maxStaleSeconds: 60,
      projects: [PROJECT, 'b1c0ec969e3a4133bea1e08f2c92ec8e'],
      excludedProjects: [PROJECT.replace('b', 'c')],
      maxConcurrency: 2,
      defaultCacheControl: 'max-age=60',
      breakerFailures: 3,
      breakerResetMs: 500,
    });
  });

  test('with TLS read the files that Nova names, or their own', async () => {
    const other = join(folder, 'ca.pem');
    await writeFile(other, await readFile(client.caFile));
    const [shared, own, plain] = targets(`
[api]
vendordata_dynamic_targets = shared@HTTPS://h/, own@https://h/, plain@http://h/
vendordata_dynamic_ssl_certfile = ${client.caFile}
[vendordata_dynamic_auth]
certfile = ${client.certFile}
keyfile = ${client.keyFile}
[vendordata_target:own]
cafile = ${other}
certfile = ${client.certFile}
keyfile = ${client.keyFile}
`);
    const authorities = await readFile(client.caFile, 'utf8');
    const clientCertificate = {
      certificate: await readFile(client.certFile, 'utf8'),
      key: await readFile(client.keyFile, 'utf8'),
    };
    expect(shared).toMatchObject({ scheme: 'https', authorities, clientCertificate });
    expect(own).toMatchObject({ authorities, clientCertificate });
    expect(plain).toMatchObject({ authorities: undefined, clientCertificate: undefined });
  });

  test('take a certificate whose file holds the key too, as Nova does', async () => {
    const both = join(folder, 'both.pem');
    await writeFile(
      both,
      [await readFile(client.certFile, 'utf8'), await readFile(client.keyFile, 'utf8')].join('\n'),
    );
    const [target] = targets(
      `[api]\nvendordata_dynamic_targets = a@https://h/\n[vendordata_dynamic_auth]\ncertfile = ${both}`,
    );
    expect(target?.clientCertificate?.key).toContain('PRIVATE KEY');
  });
});

describe('a start is refused', () => {
  const list = (value: string): string => `[api]\nvendordata_dynamic_targets = ${value}\n`;
  const at = 'hallmark.conf:2: [api] vendordata_dynamic_targets: ';

  test.each([
    [
      'an entry without @',
      list('http://h/'),
      [`${at}entry 1: has no @ between name and URL; write NAME@URL`],
    ],
    ['a nameless entry', list('@http://h/'), [`${at}entry 1: has no name before the @; write NAME@URL`]],
    [
      'a name used twice',
      list('a@http://h/, a@http://h/'),
      [`${at}entry 2: "a" is the name of an earlier entry too`],
    ],
    ['a URL without host', list('a@notaurl'), [`${at}"a": the URL has no host; it must be SCHEME://HOST…`]],
    [
      'two names before a URL',
      list('a@b@http://h/'),
      [`${at}"a": the URL has no host; it must be SCHEME://HOST…`],
    ],
    ['an unknown scheme', list('a@ftp://h/'), [`${at}"a": the scheme is none of http, https, grpc, grpcs`]],
    ['a port beyond all ports', list('a@http://h:99999/'), [`${at}"a": the host or port is unusable`]],
    [
      'a section that contradicts the list',
      `${list('a@http://h/')}[vendordata_target:a]\nurl = http://i/`,
      [
        'hallmark.conf:4: [vendordata_target:a] url: differs from that of "a" in [api] vendordata_dynamic_targets',
      ],
    ],
    [
      'a section for nobody',
      '[vendordata_target:a]\nfailure = omit\n',
      [
        'hallmark.conf:2: [vendordata_target:a] has no url, and [api] vendordata_dynamic_targets has no such target',
      ],
    ],
    [
      'a project that is no id',
      `${list('a@http://h/')}[vendordata_target:a]\nprojects = demo`,
      ['hallmark.conf:4: [vendordata_target:a] projects: "demo" is no project id'],
    ],
    [
      'a project both in and out',
      `${list('a@http://h/')}[vendordata_target:a]\nprojects = ${PROJECT}\nexclude_projects = ${PROJECT.toUpperCase()}`,
      [`hallmark.conf:5: [vendordata_target:a] exclude_projects: "${PROJECT}" is among projects too`],
    ],
    [
      'a CA file that is not there',
      `${list('a@https://h/, b@https://h/')}vendordata_dynamic_ssl_certfile = /nowhere/ca.pem`,
      ['hallmark.conf:3: [api] vendordata_dynamic_ssl_certfile: /nowhere/ca.pem cannot be read (ENOENT)'],
    ],
    [
      'a read time-out of nothing',
      `${list('a@http://h/')}vendordata_dynamic_read_timeout = 0`,
      ['hallmark.conf:3: [api] vendordata_dynamic_read_timeout: must be above 0, or every call fails'],
    ],
  ])('for %s', (_what, ini, expected) => {
    expect(faults(ini)).toEqual(expected);
  });

  test('for files that hold no certificate, or not those that belong together', async () => {
    const empty = join(folder, 'empty.pem');
    await writeFile(empty, 'nothing');
    const other = await certificates.issue({ name: 'other', usage: 'client' });
    const found = faults(`
[vendordata_target:a]
url = https://h/
cafile = ${empty}
certfile = ${client.certFile}
keyfile = ${other.keyFile}
[vendordata_target:b]
url = https://h/
[vendordata_dynamic_auth]
certfile = ${client.certFile}
`);
    expect(found).toEqual([
      `hallmark.conf:4: [vendordata_target:a] cafile: ${empty} holds no certificate`,
      `hallmark.conf:5: [vendordata_target:a] certfile: ${client.certFile} and keyfile do not belong together, or cannot be understood`,
      `hallmark.conf:10: [vendordata_dynamic_auth] certfile: ${client.certFile} needs keyfile beside it, or cannot be understood`,
    ]);
  });

  test('with all faults at once, and no password among them', () => {
    const found = faults(
      `${list('@x, a@http://u:secret@, b@ftp://u:secret@h/')}[vendordata_target:c]\nurl = http://u:secret@h:0/\n`,
    );
    expect(found).toHaveLength(4);
    expect(found.join()).not.toContain('secret');
  });

  test('but not for files that no target needs', () => {
    expect(faults(`${list('a@http://h/')}vendordata_dynamic_ssl_certfile = /nowhere/ca.pem`)).toEqual([]);
    expect(faults('[api]\nvendordata_dynamic_read_timeout = 0')).toEqual([]);
  });
});

test('all targets together have half a second less than Nova waits, or what is configured', () => {
  const timeout = (ini: string) => resolveTimeoutMs(parseConfig(ini));
  expect(timeout('')).toBe(4_500);
  expect(timeout('[api]\nvendordata_dynamic_read_timeout = 30')).toBe(29_500);
  expect(timeout('[api]\nvendordata_dynamic_read_timeout = 0')).toBe(500);
  expect(timeout('[vendordata]\nresolve_timeout = 2.5')).toBe(2_500);
});
