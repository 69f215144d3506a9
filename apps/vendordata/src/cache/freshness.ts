import HttpCachePolicy from 'http-cache-semantics';
import { z } from 'zod';
import type { AnswerKey, CachePolicy, TargetFailure } from '../domain/answer.ts';
import type { Clock } from '@hallmark/runtime';
import { parseCacheControl, secondsOf } from './cache-control.ts';
import type { Directives } from './cache-control.ts';

/**
 * For how long an answer may serve, and for what. All times are milliseconds since 1970, so that the
 * question whether a kept answer is fresh costs one comparison.
 */
export const Freshness = z.object({
  /** When the answer had the age 0. */
  bornAtMs: z.number(),
  freshUntilMs: z.number(),
  /** Until when it may serve while a newer one is fetched. Not after `freshUntilMs`: never. */
  staleWhileRevalidateUntilMs: z.number(),
  /** Until when it may serve because the target failed, by its own word. Not after `freshUntilMs`: never. */
  staleIfErrorUntilMs: z.number(),
  /** Whether the operator's `failure = stale` may stretch that. */
  stretchable: z.boolean(),
  /** Until when it is of any use. Not after `bornAtMs`: it must not be kept. */
  keepUntilMs: z.number(),
  /** What the target, or the operator in its stead, said of the answer's life; nothing when neither did. */
  statedLifetimeS: z.number().optional(),
  status: z.number(),
  /** The fields that a later 304 updates. */
  headers: z.record(z.string(), z.string()),
  /** What the request said in the fields that `Vary` names; null where it said nothing. */
  varied: z.record(z.string(), z.string().nullable()).optional(),
});
export type Freshness = z.infer<typeof Freshness>;

/** The part of a key that freshness depends on. */
export type Requested = Pick<AnswerKey, 'url' | 'requestHeaders'>;

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** No answer is kept longer than this, whatever is claimed: a bound for mistakes in a header. */
const LONGEST_KEPT_S = 30 * 86_400;
/** How long past its freshness an answer with a validator is kept, so that the target can confirm it. */
const REVALIDATION_WINDOW_S = 86_400;

/** What http-cache-semantics reads. A cookie matters by being there and is not kept. */
const CACHING_FIELDS = ['age', 'cache-control', 'date', 'etag', 'expires', 'last-modified', 'pragma', 'vary'];

/**
 * Decides on answers by RFC 9111 and RFC 5861. Storability, lifetime, age and the update by a 304 are
 * http-cache-semantics'. Four things are done before or after it, because it reads them otherwise:
 *
 * - Names of directives are not case-sensitive to the RFC, and commas may be quoted.
 * - `must-revalidate` and `proxy-revalidate` forbid *stale* answers; to the library they forbid fresh ones.
 * - A POST needs explicit freshness to be stored. `no-cache` is explicit enough: it says "store, but ask".
 * - Validators are for GET to the library. A target that answers our POST with an ETag is asked with it.
 */
export class FreshnessRules {
  readonly #clock: Clock;
  readonly #Policy: typeof HttpCachePolicy;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#Policy = class extends HttpCachePolicy {
      now(): number {
        return clock.now();
      }
    };
  }

  /** Judges a reply that just arrived. */
  judge(request: Requested, reply: Reply, policy: CachePolicy): Freshness {
    const headers = withDefault(reply.headers, policy.defaultCacheControl);
    const directives = directivesOf(headers);
    const stalePermit = stalePermitOf(directives);
    const verdict = new this.#Policy(
      asPost(request, directives),
      { status: reply.status, headers: { ...headers, 'cache-control': forLibrary(directives, stalePermit) } },
      { shared: true },
    );
    const varied = variedOf(headers['vary'], request.requestHeaders);
    const storable = verdict.storable() && varied !== 'always';
    const stretchable =
      stalePermit === 'everybody' &&
      varied !== 'always' &&
      isGood(reply.status) &&
      !directives.has('no-store') &&
      !directives.has('private');

    const bornAtMs = this.#clock.now() - Math.max(0, verdict.age()) * 1000;
    const lifetimeS = storable ? Math.min(verdict.maxAge(), LONGEST_KEPT_S) : 0;
    const window = (name: string): number =>
      storable && stalePermit !== 'nobody' ? secondsOf(directives, name) : 0;
    const whileRevalidateS = window('stale-while-revalidate');
    const ifErrorS = window('stale-if-error');
    const kept = storable || (stretchable && policy.maxStaleSeconds !== undefined);
    const keptS = Math.min(
      LONGEST_KEPT_S,
      lifetimeS +
        Math.max(
          whileRevalidateS,
          ifErrorS,
          stretchable ? (policy.maxStaleSeconds ?? 0) : 0,
          storable && hasValidator(headers) ? REVALIDATION_WINDOW_S : 0,
        ),
    );
    return {
      bornAtMs,
      freshUntilMs: bornAtMs + lifetimeS * 1000,
      staleWhileRevalidateUntilMs: bornAtMs + (lifetimeS + whileRevalidateS) * 1000,
      staleIfErrorUntilMs: bornAtMs + (lifetimeS + ifErrorS) * 1000,
      stretchable,
      keepUntilMs: kept ? bornAtMs + keptS * 1000 : bornAtMs,
      statedLifetimeS: this.#statedLifetime(directives, headers),
      status: reply.status,
      headers: storable ? pick(headers, CACHING_FIELDS) : {},
      ...(varied === 'always' || varied === 'never' ? {} : { varied }),
    };
  }

  /**
   * What becomes of a kept answer when the target answers 304. Undefined when the 304 is about another
   * answer than this one.
   */
  confirm(
    kept: Freshness,
    request: Requested,
    headers: Reply['headers'],
    policy: CachePolicy,
  ): Freshness | undefined {
    // The library updates only what was there before; the RFC also adds.
    const addable = { 'cache-control': '', expires: '', vary: '' };
    const stored = new this.#Policy(
      asPost(request, NO_DIRECTIVES),
      { status: kept.status, headers: { ...addable, ...kept.headers } },
      { shared: true },
    );
    const update = {
      // What the 304 leaves out must not stay as it was: the old age and date are those of the first answer.
      age: '0',
      date: new Date(this.#clock.now()).toUTCString(),
      // Some servers leave the validator out. One was sent, so it can only be that one.
      ...(hasValidator(headers) ? {} : pick(kept.headers, ['etag', 'last-modified'])),
      ...headers,
    };
    const { policy: updated, matches } = stored.revalidatedPolicy(asPost(request, NO_DIRECTIVES), {
      status: 304,
      headers: update,
    });
    if (!matches) return undefined;
    const merged = Object.entries(updated.toObject().resh).filter(isFilled);
    return this.judge(request, { status: kept.status, headers: Object.fromEntries(merged) }, policy);
  }

  /**
   * The life that an answer claims from its making, whoever may keep it: `private` and `Vary` forbid to
   * share it, and say nothing of how long it is true.
   */
  #statedLifetime(directives: Directives, headers: Reply['headers']): number | undefined {
    if (directives.has('no-store') || directives.has('no-cache')) return 0;
    const named = ['s-maxage', 'max-age'].find((name) => directives.has(name));
    if (named !== undefined) return secondsOf(directives, named);
    if (headers['expires'] === undefined) return undefined;
    const dates = { status: 200, headers: pick(headers, ['date', 'expires']) };
    return new this.#Policy({ method: 'GET', headers: {} }, dates, { shared: true }).maxAge();
  }
}

/** Whether an answer that was given to one request may be given to another: RFC 9111 section 4.1. */
export function matches({ varied }: Freshness, requestHeaders: Requested['requestHeaders']): boolean {
  if (varied === undefined) return true;
  return Object.entries(varied).every(([name, value]) => said(requestHeaders, name) === value);
}

/** The conditional fields with which a target can confirm a kept answer. Empty when it cannot. */
export function conditionsFor({ headers }: Freshness): Record<string, string> {
  const { etag, 'last-modified': modified } = headers;
  if (etag !== undefined) return { 'if-none-match': etag };
  return modified === undefined ? {} : { 'if-modified-since': modified };
}

/** Whether a stale answer may stand in for a failure. */
export function mayReplace(
  failure: TargetFailure,
  kept: Freshness,
  { maxStaleSeconds }: CachePolicy,
  nowMs: number,
): boolean {
  if (failure.reason === 'CANCELLED') return false; // nobody is left to be served
  if (nowMs < kept.staleIfErrorUntilMs && isServerFault(failure)) return true;
  return (
    maxStaleSeconds !== undefined && kept.stretchable && nowMs < kept.freshUntilMs + maxStaleSeconds * 1000
  );
}

/**
 * RFC 5861 section 4 means a 500, 502, 503 or 504, and whatever would make a proxy answer with one. A
 * target that refuses the request has said something, so its own `stale-if-error` does not apply.
 */
function isServerFault({ reason, status }: TargetFailure): boolean {
  if (reason === 'UNAUTHORIZED') return false;
  return reason !== 'STATUS' || status === undefined || status >= 500;
}

/**
 * Who may have a stale answer served: nobody, the answer's own `stale-…` directives only, or the
 * operator's policy too. RFC 9111 section 4.2.4 counts `s-maxage` among what forbids it; written beside
 * a `stale-…` directive it can only mean to forbid the rest.
 */
type StalePermit = 'nobody' | 'answer' | 'everybody';

function stalePermitOf(directives: Directives): StalePermit {
  const forbidding = ['no-cache', 'must-revalidate', 'proxy-revalidate'];
  if (forbidding.some((name) => directives.has(name))) return 'nobody';
  return directives.has('s-maxage') ? 'answer' : 'everybody';
}

function directivesOf(headers: Reply['headers']): Directives {
  const field = headers['cache-control'];
  // RFC 9111 section 5.4: Pragma counts only where Cache-Control is missing.
  if (field === undefined)
    return parseCacheControl(/\bno-cache\b/i.test(headers['pragma'] ?? '') ? 'no-cache' : '');
  return parseCacheControl(field);
}

/** Cache-Control as http-cache-semantics has to read it to decide what the RFC means. */
function forLibrary(directives: Directives, stalePermit: StalePermit): string {
  const bare = ['no-store', 'private', 'no-cache', 'public', 'immutable'].filter((name) =>
    directives.has(name),
  );
  const seconds = ['max-age', 's-maxage', 'stale-while-revalidate', 'stale-if-error']
    .filter((name) => directives.has(name))
    .filter((name) => stalePermit !== 'nobody' || !name.startsWith('stale-'))
    .map((name) => `${name}=${secondsOf(directives, name)}`);
  const explicit = directives.has('no-cache') && !directives.has('max-age') ? ['max-age=0'] : [];
  return [...bare, ...seconds, ...explicit].join(', ');
}

function withDefault(
  headers: Reply['headers'],
  defaultCacheControl: string | undefined,
): Record<string, string> {
  const silent = ['cache-control', 'expires', 'pragma'].every((name) => headers[name] === undefined);
  return silent && defaultCacheControl !== undefined
    ? { ...headers, 'cache-control': defaultCacheControl }
    : { ...headers };
}

function variedOf(
  vary: string | undefined,
  requestHeaders: Requested['requestHeaders'],
): NonNullable<Freshness['varied']> | 'never' | 'always' {
  const names = (vary ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (names.includes('*')) return 'always';
  if (names.length === 0) return 'never';
  return Object.fromEntries(names.map((name) => [name, said(requestHeaders, name)]));
}

/** Names come from the target, so one may be `__proto__`. */
const said = (requestHeaders: Requested['requestHeaders'], name: string): string | null =>
  (Object.hasOwn(requestHeaders, name) ? requestHeaders[name] : undefined) ?? null;

/**
 * RFC 9111 section 3.5: what is answered to credentials is kept if it says `s-maxage`, `public` or
 * `must-revalidate`, the last of which the library does not get to see.
 */
function asPost({ url, requestHeaders }: Requested, directives: Directives): HttpCachePolicy.HttpRequest {
  const { authorization, ...headers } = requestHeaders;
  const asked = authorization === undefined || directives.has('must-revalidate') ? headers : requestHeaders;
  return { method: 'POST', url, headers: asked };
}

const NO_DIRECTIVES: Directives = new Map();

const isGood = (status: number): boolean => status >= 200 && status < 300;

const hasValidator = (headers: Reply['headers']): boolean =>
  headers['etag'] !== undefined || headers['last-modified'] !== undefined;

const pick = (headers: Reply['headers'], names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])));

const isFilled = (field: [string, string | string[] | undefined]): field is [string, string] =>
  typeof field[1] === 'string' && field[1] !== '';
