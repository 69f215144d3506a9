import { newRequestId } from '@hallmark/runtime';
import type { RequestListener } from 'node:http';
import { Content } from '../http/content.ts';
import { Exchange, type Door } from '../http/exchange.ts';
import { introductionOf, type Claim, type Introduction } from './claims.ts';
import type { GuestDocuments } from './guest-documents.ts';
import { notFound, tooManyRequests } from './guest-failures.ts';
import { guestPathOf, queryOf } from './guest-path.ts';
import { EC2_VERSIONS, send, sendToken } from './guest-reply.ts';
import type { GuestRules } from './guest-rules.ts';
import type { Guests } from './guests.ts';
import type { Metadata, MetadataEntry } from './metadata.ts';
import { servePassword } from './password.ts';
import type { RateLimit } from './rate-limit.ts';
import { requireSession, sessionSeconds } from './session.ts';
import { askOptions, entryAt, requireOwn, type Visit } from './visit.ts';
import { waitWishIn } from './wait-wish.ts';
import { WaitingGuest, type WaitingRoom } from './waiting-guest.ts';

export interface GuestListenerOptions {
  readonly door: Door;
  readonly guests: Guests;
  readonly documents: GuestDocuments;
  readonly limit: RateLimit;
  readonly waiting: WaitingRoom;
  readonly rules: () => GuestRules;
}

/**
 * The listener `guest`: Nova's metadata API. Each request takes the same steps in the same order, whatever comes
 * of them: who is asking, how often, what there is to read, whether it is theirs, and only then the path. A
 * guest whose data is at hand is answered without a wait and without asking anybody.
 */
export function guestHandler(options: GuestListenerOptions): RequestListener {
  const { door, guests, documents, limit, waiting, rules } = options;

  return (request, response) => {
    const path = guestPathOf(request.url ?? '');
    const exchange = new Exchange(door, newRequestId(), path.route, request, response);
    try {
      if (path.kind === 'root') send(exchange, EC2_VERSIONS);
      else serve({ exchange, path, rules: rules() });
    } catch (thrown) {
      exchange.problem(thrown);
    }
  };

  function serve(visit: Visit): void {
    const { exchange, rules: current } = visit;
    const introduction = introductionOf(exchange.request, current);
    exchange.introducedBy = introduction.by;
    const claim =
      introduction.by === 'proxy'
        ? introduction.claim
        : guests.findAt(introduction.place, exchange.startedAtMs);
    if (!claim) {
      void serveStranger(visit, introduction);
      return;
    }
    requireSeldom(visit, claim);
    const metadata = guests.find(claim, exchange.startedAtMs);
    if (metadata) {
      exchange.metadataOrigin = 'hit';
      answer(visit, claim, metadata);
    } else void serveCold(visit, claim);
  }

  async function serveStranger(visit: Visit, introduction: Introduction): Promise<void> {
    try {
      const claim = await claimOf(visit, introduction);
      requireSeldom(visit, claim);
      await serveCold(visit, claim);
    } catch (thrown) {
      visit.exchange.problem(thrown);
    }
  }

  async function claimOf(
    { exchange, rules: { locateTimeoutMs } }: Visit,
    introduction: Introduction,
  ): Promise<Claim> {
    if (introduction.by === 'proxy') return introduction.claim;
    const found = await guests.locate(introduction.place, askOptions(exchange, locateTimeoutMs));
    return found.answer;
  }

  async function serveCold(visit: Visit, claim: Claim): Promise<void> {
    const { exchange, rules: current } = visit;
    try {
      const { answer: metadata, shared } = await guests.obtain(
        claim,
        askOptions(exchange, current.lookupTimeoutMs),
      );
      exchange.metadataOrigin = shared ? 'shared' : 'miss';
      answer(visit, claim, metadata);
    } catch (thrown) {
      exchange.problem(thrown);
    }
  }

  /** Counted by what was claimed and proved, so that nobody uses up another's share. */
  function requireSeldom({ exchange, rules: { rate } }: Visit, claim: Claim): void {
    exchange.instanceId = claim.instanceId;
    exchange.projectId = claim.projectId;
    const seconds = limit.take(claim.instanceId.toLowerCase(), rate, exchange.startedAtMs);
    if (seconds !== undefined) throw tooManyRequests(seconds);
  }

  function answer(visit: Visit, claim: Claim, metadata: Metadata): void {
    const { exchange, path, rules: current } = visit;
    requireOwn(claim, metadata);
    if (path.kind === 'token' && exchange.request.method === 'PUT' && current.tokens) {
      const seconds = sessionSeconds(exchange.request, current);
      const token = current.tokens.issue(metadata.instanceId, seconds, Date.now());
      sendToken(exchange, token, seconds);
      return;
    }
    requireSession(exchange.request, current, metadata.instanceId);
    const entry = entryAt(metadata, path);
    if (!entry) throw notFound('PATH_UNKNOWN');
    if (entry.source === 'password' && exchange.request.method !== 'GET') {
      servePassword(exchange, guests, metadata.instanceId, askOptions(exchange, current.lookupTimeoutMs));
      return;
    }
    const content = documents.find(entry, claim, metadata, exchange.now());
    if (content) {
      if (entry.source === 'vendor-data' || entry.source === 'vendor-data2') exchange.answerOrigin = 'hit';
      deliver(visit, claim, entry, content);
    } else void deliverCold(visit, claim, metadata, entry);
  }

  async function deliverCold(
    visit: Visit,
    claim: Claim,
    metadata: Metadata,
    entry: MetadataEntry,
  ): Promise<void> {
    try {
      deliver(visit, claim, entry, await documents.obtain(visit.exchange, entry, metadata));
    } catch (thrown) {
      visit.exchange.problem(thrown);
    }
  }

  function deliver(visit: Visit, claim: Claim, { contentType }: MetadataEntry, content: Content): void {
    const { exchange, rules: current } = visit;
    const wish = waitWishIn(queryOf(exchange.request.url ?? ''), current.waitMs);
    if (!wish || (wish.lastEtag !== undefined && `"${wish.lastEtag}"` !== content.etag)) {
      send(exchange, { content, contentType });
    } else {
      waiting.seat(new WaitingGuest(waiting, visit, claim, content.etag), wish.timeoutMs, current.maxWaiters);
    }
  }
}
