import { vendordata } from '@hallmark/contracts';
import { Content } from '../http/content.ts';
import { durationMs } from '../watch/duration.ts';
import { maxAgeSeconds } from './freshness.ts';
import { timingEntry } from './server-timing.ts';
import { renderDocument, renderPart } from './vendordata-json.ts';

const { Contribution_Source: Source, ResolveRequest_Document: Document } = vendordata;

/** Where a part came from, in the words of `Server-Timing` and the log. */
export type PartSource = 'fresh' | 'cached' | 'stale' | 'omitted' | 'composed' | 'shared' | 'unknown';

/** One target's part of an answer, for the log. */
export interface AnswerPart {
  readonly name: string;
  readonly source: PartSource;
  readonly elapsedMs: number;
  /** Why there is no fresh answer. Absent when there is. */
  readonly failure?: string;
}

/** A complete answer to a question: everything but what differs from one sending to the next. */
export interface Answer {
  readonly content: Content;
  readonly cacheControl: string;
  /** Undefined when it must not be reused. */
  readonly maxAgeSeconds: number | undefined;
  /** Until when it may be reused, by the gateway's clock. */
  readonly freshUntilMs: number;
  /** `Server-Timing` of the parts as they came; that of the whole when the gateway repeats it. */
  readonly partsTiming: string;
  readonly hitTiming: string;
  readonly parts: readonly AnswerPart[];
  /** What an invalidation is compared with: the instance, and the only target asked for, or ''. */
  readonly instanceId: string;
  readonly target: string;
}

/** What was asked for, as far as the answer depends on it. */
interface Wanted {
  readonly target: string;
  readonly document: vendordata.ResolveRequest_Document;
}

/** Turns what the service said into the answer to a question. */
export function answerFromWire(
  response: vendordata.ResolveResponse,
  wanted: Wanted,
  sentAtMs: number,
): Answer {
  const { contributions, reuse, instanceId } = response;
  const parts = contributions.map(partFromWire);
  const ttlMs = durationMs(reuse?.ttl);
  const maxAge = ttlMs > 0 ? maxAgeSeconds(durationMs(reuse?.age), ttlMs) : undefined;
  return {
    content: new Content(bodyOf(response, wanted)),
    cacheControl: maxAge === undefined ? 'no-store' : `max-age=${maxAge}`,
    maxAgeSeconds: maxAge,
    freshUntilMs: sentAtMs + ttlMs,
    partsTiming: parts.map(timingOf).join(''),
    hitTiming: `gateway;desc="hit"${parts.map(repeated).map(timingOf).join('')}`,
    parts,
    instanceId,
    target: wanted.target,
  };
}

/**
 * The document that the service made, or that of all targets, or the JSON of the only one asked for,
 * each byte as the target wrote it.
 */
function bodyOf(
  { contributions, document }: vendordata.ResolveResponse,
  { target, document: kind }: Wanted,
): Buffer {
  if (kind !== Document.UNSPECIFIED) return document;
  return target === '' ? renderDocument(contributions) : renderPart(contributions[0]?.json);
}

function partFromWire({ name, source, elapsed, failureReason }: vendordata.Contribution): AnswerPart {
  return {
    name,
    source: WORDS[source],
    elapsedMs: durationMs(elapsed),
    ...(failureReason === '' ? {} : { failure: failureReason }),
  };
}

const WORDS = {
  [Source.FRESH]: 'fresh',
  [Source.CACHED]: 'cached',
  [Source.STALE]: 'stale',
  [Source.OMITTED]: 'omitted',
  [Source.COMPOSED]: 'composed',
  [Source.SHARED]: 'shared',
  [Source.UNSPECIFIED]: 'unknown',
  [Source.UNRECOGNIZED]: 'unknown',
} satisfies Record<vendordata.Contribution_Source, PartSource>;

const timingOf = ({ name, source, elapsedMs }: AnswerPart): string =>
  `, ${timingEntry(name, elapsedMs, source)}`;

/** What a target just said is, when it is said again, a cached word. */
function repeated(part: AnswerPart): AnswerPart {
  const source = part.source === 'fresh' || part.source === 'shared' ? 'cached' : part.source;
  return { ...part, source, elapsedMs: 0 };
}
