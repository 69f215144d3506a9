import { describe, expect, test } from '@jest/globals';
import HttpCachePolicy from 'http-cache-semantics';
import type { CachePolicy, TargetFailure } from '../domain/answer.ts';
import { FreshnessRules, conditionsFor, matches, mayReplace } from './freshness.ts';
import type { Freshness } from './freshness.ts';

type Fields = Record<string, string>;

const NOW_MS = Date.UTC(2026, 10, 21, 12);
const DAY_S = 86_400;

class SetClock {
  nowMs = NOW_MS;
  now(): number {
    return this.nowMs;
  }
}

const request = { url: 'http://target.example/', requestHeaders: { accept: 'application/json' } };
const plainPolicy: CachePolicy = {
  maxStaleSeconds: undefined,
  defaultCacheControl: undefined,
  flightTimeoutMs: 4_500,
};
const down: TargetFailure = { reason: 'CONNECT_FAILED', message: 'It refused the connection.' };

const httpDate = (secondsFromNow: number): string => new Date(NOW_MS + secondsFromNow * 1000).toUTCString();

function judge(headers: Record<string, string>, policy: Partial<CachePolicy> = {}, status = 200): Freshness {
  return new FreshnessRules(new SetClock()).judge(
    request,
    { status, headers },
    { ...plainPolicy, ...policy },
  );
}

const secondsFromNow = (ms: number): number => (ms - NOW_MS) / 1000;

describe('for how long an answer is fresh', () => {
  const cases: {
    it: string;
    headers: Record<string, string>;
    policy?: Partial<CachePolicy>;
    fresh: number;
  }[] = [
    { it: 'nothing is said', headers: {}, fresh: 0 },
    { it: 'max-age', headers: { 'cache-control': 'max-age=60' }, fresh: 60 },
    { it: 'max-age in another case', headers: { 'cache-control': 'Max-Age=60' }, fresh: 60 },
    { it: 's-maxage over max-age', headers: { 'cache-control': 'max-age=60, s-maxage=5' }, fresh: 5 },
    {
      it: 'max-age that has been used up in part',
      headers: { 'cache-control': 'max-age=60', age: '50' },
      fresh: 10,
    },
    { it: 'an age below zero', headers: { 'cache-control': 'max-age=60', age: '-50' }, fresh: 60 },
    { it: 'Expires', headers: { date: httpDate(0), expires: httpDate(90) }, fresh: 90 },
    { it: 'Expires without Date', headers: { expires: httpDate(90) }, fresh: 90 },
    { it: 'Expires: 0', headers: { expires: '0' }, fresh: 0 },
    {
      it: 'Expires, and a max-age that overrules it',
      headers: { expires: httpDate(90), 'cache-control': 'max-age=5' },
      fresh: 5,
    },
    { it: 'no-cache beside max-age', headers: { 'cache-control': 'no-cache, max-age=60' }, fresh: 0 },
    { it: 'Pragma: no-cache alone', headers: { pragma: 'no-cache', expires: httpDate(90) }, fresh: 0 },
    {
      it: 'must-revalidate: forbids stale, not fresh',
      headers: { 'cache-control': 'max-age=60, must-revalidate' },
      fresh: 60,
    },
    {
      it: 'proxy-revalidate: the same',
      headers: { 'cache-control': 'max-age=60, proxy-revalidate' },
      fresh: 60,
    },
    { it: 'no-store', headers: { 'cache-control': 'no-store, max-age=60' }, fresh: 0 },
    { it: 'private', headers: { 'cache-control': 'private, max-age=60' }, fresh: 0 },
    { it: 'private for some fields', headers: { 'cache-control': 'private="x-a", max-age=60' }, fresh: 0 },
    { it: 'a cookie', headers: { 'cache-control': 'max-age=60', 'set-cookie': 'a=b' }, fresh: 0 },
    { it: 'Vary: *', headers: { 'cache-control': 'max-age=60', vary: 'accept, *' }, fresh: 0 },
    { it: 'a number that is none', headers: { 'cache-control': 'max-age=soon' }, fresh: 0 },
    { it: 'a year', headers: { 'cache-control': 'max-age=31536000' }, fresh: 30 * DAY_S },
    { it: 'the word of the operator', headers: {}, policy: { defaultCacheControl: 'max-age=7' }, fresh: 7 },
    {
      it: 'the word of the target before it',
      headers: { 'cache-control': 'max-age=60' },
      policy: { defaultCacheControl: 'max-age=7' },
      fresh: 60,
    },
    {
      it: 'Pragma before it',
      headers: { pragma: 'no-cache' },
      policy: { defaultCacheControl: 'max-age=7' },
      fresh: 0,
    },
  ];
  test.each(cases)('$it: $fresh s', ({ headers, policy, fresh }) => {
    const { freshUntilMs } = judge(headers, policy);
    expect(Math.max(0, secondsFromNow(freshUntilMs))).toBe(fresh);
  });

  test.each([
    { says: 'max-age=60', fresh: 0 },
    { says: 'max-age=60, public', fresh: 60 },
    { says: 's-maxage=60', fresh: 60 },
    { says: 'max-age=60, must-revalidate', fresh: 60 },
  ])('$says, asked with credentials: $fresh s', ({ says, fresh }) => {
    const withCredentials = { ...request, requestHeaders: { authorization: 'sha256:00' } };
    const freshness = new FreshnessRules(new SetClock()).judge(
      withCredentials,
      { status: 200, headers: { 'cache-control': says } },
      plainPolicy,
    );
    expect(secondsFromNow(freshness.freshUntilMs)).toBe(fresh);
  });

  test('an error of the target: not at all, whatever it says', () => {
    expect(judge({ 'cache-control': 'max-age=60' }, { maxStaleSeconds: 60 }, 500).keepUntilMs).toBe(NOW_MS);
  });
});

describe('for how long an answer is kept', () => {
  const cases: { it: string; headers: Record<string, string>; maxStale?: number; kept: number }[] = [
    { it: 'while it is fresh', headers: { 'cache-control': 'max-age=60' }, kept: 60 },
    { it: 'not without explicit freshness', headers: { etag: '"1"' }, kept: 0 },
    {
      it: 'while it may be served stale',
      headers: { 'cache-control': 'max-age=60, stale-while-revalidate=10, stale-if-error=30' },
      kept: 90,
    },
    {
      it: 'while a validator may confirm it',
      headers: { 'cache-control': 'max-age=60', etag: '"1"' },
      kept: 60 + DAY_S,
    },
    {
      it: 'also when it must be confirmed each time',
      headers: { 'cache-control': 'no-cache', etag: '"1"' },
      kept: DAY_S,
    },
    { it: 'not when it must be confirmed and cannot', headers: { 'cache-control': 'no-cache' }, kept: 0 },
    { it: 'for the operator, though nothing was said', headers: {}, maxStale: 300, kept: 300 },
    {
      it: 'for the operator, past its freshness',
      headers: { 'cache-control': 'max-age=60' },
      maxStale: 300,
      kept: 360,
    },
    {
      it: 'not even for the operator with no-store',
      headers: { 'cache-control': 'no-store' },
      maxStale: 300,
      kept: 0,
    },
    {
      it: 'not even for the operator with private',
      headers: { 'cache-control': 'private' },
      maxStale: 300,
      kept: 0,
    },
    {
      it: 'not for the operator with must-revalidate',
      headers: { 'cache-control': 'max-age=60, must-revalidate' },
      maxStale: 300,
      kept: 60,
    },
    { it: 'not even for the operator with Vary: *', headers: { vary: '*' }, maxStale: 300, kept: 0 },
    {
      it: 'a month at most',
      headers: { 'cache-control': 'max-age=60' },
      maxStale: 365 * DAY_S,
      kept: 30 * DAY_S,
    },
  ];
  test.each(cases)('$it: $kept s', ({ headers, maxStale, kept }) => {
    expect(secondsFromNow(judge(headers, { maxStaleSeconds: maxStale }).keepUntilMs)).toBe(kept);
  });

  test('a cookie is seen, not kept', () => {
    const { headers } = judge({
      'cache-control': 'public, max-age=60',
      'set-cookie': 'session=1',
      'x-other': '1',
    });
    expect(headers).toEqual({ 'cache-control': 'public, max-age=60' });
  });
});

describe('a failure', () => {
  interface Case {
    it: string;
    says: string;
    maxStale?: number;
    failure?: TargetFailure;
    until: number;
  }
  const status = (code: number): TargetFailure => ({
    reason: 'STATUS',
    status: code,
    message: `It answered ${code}.`,
  });
  const cases: Case[] = [
    { it: 'is not covered by an answer that says nothing of it', says: 'max-age=60', until: 60 },
    { it: 'is covered by stale-if-error', says: 'max-age=60, stale-if-error=30', until: 90 },
    {
      it: 'is not covered by stale-while-revalidate',
      says: 'max-age=60, stale-while-revalidate=30',
      until: 60,
    },
    {
      it: 'of the request is not covered by stale-if-error',
      says: 'max-age=60, stale-if-error=30',
      failure: status(404),
      until: 0,
    },
    { it: 'with a 503 is covered', says: 'max-age=60, stale-if-error=30', failure: status(503), until: 90 },
    {
      it: 'of any kind is covered by the operator',
      says: 'max-age=60',
      maxStale: 100,
      failure: status(404),
      until: 160,
    },
    {
      it: 'is covered by the longer of both',
      says: 'max-age=60, stale-if-error=500',
      maxStale: 100,
      until: 560,
    },
    {
      it: 'is not covered against must-revalidate',
      says: 'max-age=60, must-revalidate, stale-if-error=30',
      maxStale: 100,
      until: 60,
    },
    {
      it: 'is not covered against proxy-revalidate',
      says: 'max-age=60, proxy-revalidate',
      maxStale: 100,
      until: 60,
    },
    { it: 'is not covered against no-cache', says: 'no-cache, stale-if-error=30', maxStale: 100, until: 0 },
    { it: 'is not covered by the operator against s-maxage', says: 's-maxage=60', maxStale: 100, until: 60 },
    {
      it: 'is covered by the directive beside s-maxage',
      says: 's-maxage=60, stale-if-error=30',
      maxStale: 100,
      until: 90,
    },
    {
      it: 'of nobody waiting is not covered',
      says: 'max-age=60, stale-if-error=30',
      maxStale: 100,
      failure: { reason: 'CANCELLED', message: '' },
      until: 0,
    },
  ];
  test.each(cases)('$it', ({ says, maxStale, failure = down, until }) => {
    const policy = { ...plainPolicy, maxStaleSeconds: maxStale };
    const freshness = judge({ 'cache-control': says }, policy);
    const covered = (second: number): boolean =>
      mayReplace(failure, freshness, policy, NOW_MS + second * 1000);
    if (until > 0) expect(covered(until - 1)).toBe(true);
    expect(covered(until)).toBe(false);
  });
});

describe('Vary', () => {
  test.each<{ it: string; vary: string; headers: Fields; match: boolean }>([
    {
      it: 'a request with the same value',
      vary: 'Accept',
      headers: { accept: 'application/json' },
      match: true,
    },
    { it: 'one with another', vary: 'Accept', headers: { accept: 'text/plain' }, match: false },
    { it: 'one without', vary: 'accept', headers: {}, match: false },
    {
      it: 'one that is silent as the first was',
      vary: 'accept-language',
      headers: { accept: 'x' },
      match: true,
    },
    {
      it: 'one that speaks where the first was silent',
      vary: 'accept-language',
      headers: { 'accept-language': 'de' },
      match: false,
    },
    { it: 'any, when it names nothing', vary: ' , ', headers: {}, match: true },
    { it: 'no other member of the object', vary: '__proto__', headers: {}, match: true },
  ])('matches $it: $match', ({ vary, headers, match }) => {
    expect(matches(judge({ 'cache-control': 'max-age=60', vary }), headers)).toBe(match);
  });
});

describe('a 304', () => {
  const clock = new SetClock();
  const rules = new FreshnessRules(clock);
  const confirm = (kept: Record<string, string>, update: Record<string, string>): Freshness | undefined => {
    clock.nowMs = NOW_MS;
    const freshness = rules.judge(request, { status: 200, headers: kept }, plainPolicy);
    clock.nowMs = NOW_MS + 100_000;
    return rules.confirm(freshness, request, update, plainPolicy);
  };
  const freshFor = (freshness: Freshness | undefined): number | undefined =>
    freshness && (freshness.freshUntilMs - clock.nowMs) / 1000;

  test.each<{ it: string; kept: Fields; update: Fields; fresh: number | undefined }>([
    {
      it: 'makes the answer as fresh as it was',
      kept: { 'cache-control': 'max-age=60', etag: '"1"' },
      update: { etag: '"1"' },
      fresh: 60,
    },
    {
      it: 'counts without a validator, too',
      kept: { 'cache-control': 'max-age=60', etag: '"1"' },
      update: {},
      fresh: 60,
    },
    {
      it: 'forgets the age that it had',
      kept: { 'cache-control': 'max-age=60', age: '50', etag: '"1"' },
      update: {},
      fresh: 60,
    },
    {
      it: 'has an age of its own',
      kept: { 'cache-control': 'max-age=60', age: '50', etag: '"1"' },
      update: { age: '20' },
      fresh: 40,
    },
    {
      it: 'may change the rules',
      kept: { 'cache-control': 'max-age=60', etag: '"1"' },
      update: { 'cache-control': 'max-age=5' },
      fresh: 5,
    },
    {
      it: 'may bring a rule where there was none',
      kept: { expires: httpDate(10), etag: '"1"' },
      update: { 'cache-control': 'max-age=5' },
      fresh: 5,
    },
    {
      it: 'may renew Expires',
      kept: { expires: httpDate(10), date: httpDate(0), etag: '"1"' },
      update: { expires: httpDate(130) },
      fresh: 30,
    },
    {
      it: 'does not stretch an old Expires',
      kept: { expires: httpDate(10), date: httpDate(0), etag: '"1"' },
      update: {},
      fresh: 0,
    },
    {
      it: 'confirms by date',
      kept: { 'cache-control': 'max-age=60', 'last-modified': httpDate(-500) },
      update: { 'last-modified': httpDate(-500) },
      fresh: 60,
    },
    {
      it: 'confirms a weak validator',
      kept: { 'cache-control': 'no-cache, max-age=60', etag: 'W/"1"' },
      update: { etag: 'W/"1"' },
      fresh: 0,
    },
    {
      it: 'about another answer is none',
      kept: { 'cache-control': 'max-age=60', etag: '"1"' },
      update: { etag: '"2"' },
      fresh: undefined,
    },
  ])('$it', ({ kept, update, fresh }) => {
    const freshness = confirm(kept, update);
    expect(fresh === 0 ? Math.max(0, freshFor(freshness) ?? NaN) : freshFor(freshness)).toBe(fresh);
  });

  test('leaves the answer to be confirmed again', () => {
    const confirmed = confirm({ 'cache-control': 'no-cache', etag: '"1"' }, { etag: '"1"' });
    expect(confirmed && conditionsFor(confirmed)).toEqual({ 'if-none-match': '"1"' });
  });

  test.each<{ it: string; kept: Fields; conditions: Fields }>([
    {
      it: 'the ETag',
      kept: { etag: 'W/"1"', 'last-modified': 'x' },
      conditions: { 'if-none-match': 'W/"1"' },
    },
    { it: 'else the date', kept: { 'last-modified': 'x' }, conditions: { 'if-modified-since': 'x' } },
    { it: 'else nothing', kept: {}, conditions: {} },
  ])('is asked for with $it', ({ kept, conditions }) => {
    expect(conditionsFor(judge({ 'cache-control': 'max-age=60', ...kept }))).toEqual(conditions);
  });
});

describe('the life that an answer claims', () => {
  const date = httpDate(-5);
  test.each<{ it: string; headers: Fields; claims: number | undefined }>([
    { it: 'nothing', headers: {}, claims: undefined },
    { it: 'nothing but who may keep it', headers: { 'cache-control': 'private' }, claims: undefined },
    { it: 'max-age', headers: { 'cache-control': 'max-age=60' }, claims: 60 },
    { it: 'max-age, however old it is', headers: { 'cache-control': 'max-age=60', age: '50' }, claims: 60 },
    { it: 's-maxage before max-age', headers: { 'cache-control': 'max-age=60, s-maxage=5' }, claims: 5 },
    { it: 'max-age for one reader', headers: { 'cache-control': 'private, max-age=60' }, claims: 60 },
    { it: 'max-age where all varies', headers: { 'cache-control': 'max-age=60', vary: '*' }, claims: 60 },
    { it: 'no-store', headers: { 'cache-control': 'no-store, max-age=60' }, claims: 0 },
    { it: 'no-cache', headers: { 'cache-control': 'no-cache' }, claims: 0 },
    { it: 'no-cache, as it was once written', headers: { pragma: 'no-cache' }, claims: 0 },
    { it: 'a number that is none', headers: { 'cache-control': 'max-age=soon' }, claims: 0 },
    { it: 'a date from now', headers: { expires: httpDate(90) }, claims: 90 },
    { it: 'a date', headers: { date, expires: httpDate(55) }, claims: 60 },
    { it: 'a date gone by', headers: { date, expires: httpDate(-9) }, claims: 0 },
    { it: 'a date that is none', headers: { date, expires: '0' }, claims: 0 },
  ])('$it', ({ headers, claims }) => {
    expect(judge(headers).statedLifetimeS).toBe(claims);
  });

  test('may be the word of the operator', () => {
    const policy = { ...plainPolicy, defaultCacheControl: 'max-age=60' };
    const judged = new FreshnessRules(new SetClock()).judge(request, { status: 200, headers: {} }, policy);
    expect(judged.statedLifetimeS).toBe(60);
  });
});

describe('what is worked out ahead', () => {
  // Where the two read a header alike, the library's own verdict at any moment is the measure.
  const alike = [
    'max-age=60',
    'max-age=0',
    'max-age=60, stale-while-revalidate=30',
    'max-age=0, stale-while-revalidate=30',
    's-maxage=20, max-age=60, stale-while-revalidate=30, stale-if-error=90',
    'max-age=60, stale-if-error=90',
    'public, max-age=10',
    'no-cache, max-age=60',
    'no-store',
    'private, max-age=60',
  ];
  const ages: Fields[] = [{}, { age: '15' }, { age: '75' }];
  test.each<Fields>(alike.flatMap((field) => ages.map((age) => ({ ...age, 'cache-control': field }))))(
    'is what http-cache-semantics says at any moment: %j',
    (headers) => {
      const clock = new SetClock();
      const library = new (class extends HttpCachePolicy {
        now(): number {
          return clock.now();
        }
      })({ method: 'POST', headers: {} }, { status: 200, headers });
      const freshness = new FreshnessRules(clock).judge(request, { status: 200, headers }, plainPolicy);

      for (let second = 0; second <= 200; second += 5) {
        clock.nowMs = NOW_MS + second * 1000;
        const storable = library.storable();
        const verdict = library.evaluateRequest({ method: 'POST', headers: {} });
        const hit = storable && verdict.response !== undefined;
        const fresh = clock.nowMs < freshness.freshUntilMs;
        const whileRevalidating = clock.nowMs < freshness.staleWhileRevalidateUntilMs;
        expect({ second, fresh }).toEqual({ second, fresh: hit && verdict.revalidation === undefined });
        expect({ second, serves: fresh || whileRevalidating }).toEqual({ second, serves: hit });
      }
    },
  );
});
