import { describe, expect, test } from '@jest/globals';
import {
  isAskedFor,
  publicUrl,
  resolutionEpoch,
  targetFingerprint,
  type TargetSettings,
} from './target-settings.ts';

const PROJECT = 'b1c0ec969e3a4133bea1e08f2c92ec8d';
const OTHER = 'a0000000000040008000000000000001';

const settings = (changes: Partial<TargetSettings> = {}): TargetSettings => ({
  name: 'cmdb',
  scheme: 'https',
  url: 'https://h/x?key=1',
  authorization: undefined,
  failure: 'omit',
  connectTimeoutMs: 5_000,
  readTimeoutMs: 5_000,
  totalTimeoutMs: 10_000,
  authorities: undefined,
  clientCertificate: undefined,
  maxResponseBytes: 1_048_576,
  maxStaleSeconds: 86_400,
  projects: [],
  excludedProjects: [],
  maxConcurrency: 64,
  defaultCacheControl: undefined,
  breakerFailures: 5,
  breakerResetMs: 10_000,
  ...changes,
});

describe('a target is asked about', () => {
  test.each([
    ['everybody', {}, PROJECT, true],
    ['those it is for', { projects: [PROJECT] }, PROJECT, true],
    [
      'those it is for, however the id is written',
      { projects: [PROJECT] },
      'B1C0EC96-9E3A-4133-BEA1-E08F2C92EC8D',
      true,
    ],
    ['nobody else then', { projects: [PROJECT] }, OTHER, false],
    ['not those it is not for', { excludedProjects: [PROJECT] }, PROJECT, false],
    ['all others then', { excludedProjects: [PROJECT] }, OTHER, true],
  ])('%s', (_what, projects, id, asked) => {
    expect(isAskedFor(settings(projects), id)).toBe(asked);
  });
});

describe('answers kept before', () => {
  const answering: [string, Partial<TargetSettings>][] = [
    ['another URL', { url: 'https://h/x?key=2' }],
    ['other credentials', { authorization: 'Basic eA==' }],
    ['another client certificate', { clientCertificate: { certificate: 'pem', key: 'key' } }],
    ['another word of the operator on reuse', { defaultCacheControl: 'max-age=60' }],
  ];
  test.each(answering)('are those of another target with %s', (_what, changes) => {
    expect(targetFingerprint(settings(changes))).not.toBe(targetFingerprint(settings()));
  });

  test('are still its own with other time-outs', () => {
    const slower = settings({ readTimeoutMs: 1, connectTimeoutMs: 1, totalTimeoutMs: 1, breakerFailures: 1 });
    expect(targetFingerprint(slower)).toBe(targetFingerprint(settings()));
    expect(resolutionEpoch([slower], false, ['StaticJSON'])).toBe(
      resolutionEpoch([settings()], false, ['StaticJSON']),
    );
  });

  test.each([
    ...answering,
    ['another name', { name: 'other' }],
    ['another policy', { failure: 'fatal' }],
    ['other projects', { projects: [PROJECT] }],
    ['other projects left out', { excludedProjects: [PROJECT] }],
  ] satisfies [string, Partial<TargetSettings>][])('begin a new epoch with %s', (_what, changes) => {
    expect(resolutionEpoch([settings(changes)], false, ['StaticJSON'])).not.toBe(
      resolutionEpoch([settings()], false, ['StaticJSON']),
    );
  });

  test('begin a new epoch with another order, number or composition of targets', () => {
    const [one, two] = [settings({ name: 'one' }), settings({ name: 'two' })];
    const epochs = [
      resolutionEpoch([one, two], false, ['StaticJSON']),
      resolutionEpoch([two, one], false, ['StaticJSON']),
      resolutionEpoch([one], false, ['StaticJSON']),
      resolutionEpoch([one], true, ['StaticJSON']),
      resolutionEpoch([one], false, ['DynamicJSON']),
    ];
    expect(new Set(epochs).size).toBe(epochs.length);
  });
});

test('a URL is shown without its query, which may hold a key', () => {
  expect(publicUrl(settings())).toBe('https://h/x');
  expect(publicUrl(settings({ url: 'https://h/x' }))).toBe('https://h/x');
});
