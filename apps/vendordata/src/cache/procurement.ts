import type { Clock } from '@hallmark/runtime';
import type { AnswerKey, AskTarget, CachePolicy, TargetFailure, TargetReply } from '../domain/answer.ts';
import type { Answer, AnswerRecord } from './answer-record.ts';
import { conditionsFor, matches } from './freshness.ts';
import type { FreshnessRules } from './freshness.ts';
import type { SharedAnswers } from './shared-answers.ts';

/** One request that no answer in this process could serve. */
export interface Order {
  readonly key: AnswerKey;
  readonly policy: CachePolicy;
  readonly ask: AskTarget;
  /** What this process still has; to be confirmed, or to stand in for a failure. */
  readonly previous: Answer | undefined;
}

/** What came of it. */
export type Procured =
  | {
      readonly kind: 'answer';
      readonly answer: Answer;
      /** `confirmed`: kept before, and the target just said that it still holds. */
      readonly from: 'target' | 'confirmed' | 'shared-cache' | 'replica';
    }
  | { readonly kind: 'failed'; readonly failure: TargetFailure; readonly previous: Answer | undefined };

/** Gets answers: from the shared cache, from the replica that is asking already, or from the target. */
export class Procurement {
  readonly #rules: FreshnessRules;
  readonly #clock: Clock;
  readonly #shared: SharedAnswers | undefined;
  readonly #unfinished = new Set<Promise<void>>();

  constructor(rules: FreshnessRules, clock: Clock, shared: SharedAnswers | undefined) {
    this.#rules = rules;
    this.#clock = clock;
    this.#shared = shared;
  }

  /** `serves` says which answers of the shared cache will do. */
  async procure(order: Order, serves: (answer: Answer) => boolean, signal: AbortSignal): Promise<Procured> {
    const claim = await this.#shared?.claim(order.key, serves, signal);
    switch (claim?.kind) {
      case undefined:
        return await this.ask(order, signal);
      case 'kept':
        return { kind: 'answer', answer: claim.answer, from: 'shared-cache' };
      case 'told':
        return await this.#takeOver(this.#withBest(order, claim.previous), claim.record, signal);
      case 'alone':
        return await this.ask(this.#withBest(order, claim.previous), signal);
      case 'lead':
        return await this.#lead(this.#withBest(order, claim.previous), claim.lease, signal);
    }
  }

  /** Asks the target, for this process alone. */
  async ask(order: Order, signal: AbortSignal): Promise<Procured> {
    const { key, policy, previous } = order;
    const conditions = previous === undefined ? {} : conditionsFor(previous.freshness);
    let reply = await this.#exchange(order, conditions, signal);
    if (previous !== undefined && reply.kind === 'not-modified') {
      const freshness = this.#rules.confirm(previous.freshness, key, reply.headers, policy);
      if (freshness !== undefined) {
        return { kind: 'answer', answer: { json: previous.json, freshness }, from: 'confirmed' };
      }
    }
    // A 304 about something else than what is kept; or a target that takes If-None-Match on a POST by
    // the letter (RFC 9110 section 13.2.2) and answers 412. Both have an answer for who asks plainly.
    if (reply.kind === 'not-modified' || (isPreconditionFailed(reply) && previous !== undefined)) {
      reply = await this.#exchange(order, {}, signal);
    }
    switch (reply.kind) {
      case 'answered':
        return {
          kind: 'answer',
          answer: { json: reply.json, freshness: this.#rules.judge(key, reply, policy) },
          from: 'target',
        };
      case 'not-modified':
        return { kind: 'failed', failure: UNASKED_304, previous };
      case 'failed':
        return { kind: 'failed', failure: reply.failure, previous };
    }
  }

  /** Waits for what is still being told to the other replicas. */
  async settle(): Promise<void> {
    await Promise.all(this.#unfinished);
  }

  async #lead(
    order: Order,
    lease: { finish(record: AnswerRecord): Promise<void>; abandon(): Promise<void> },
    signal: AbortSignal,
  ): Promise<Procured> {
    let record: AnswerRecord | undefined;
    try {
      const procured = await this.ask(order, signal);
      record = recordOf(procured);
      return procured;
    } finally {
      // Not awaited: the caller has its answer.
      const finishing = record === undefined ? lease.abandon() : lease.finish(record);
      this.#unfinished.add(finishing);
      void finishing.finally(() => this.#unfinished.delete(finishing));
    }
  }

  async #takeOver(order: Order, record: AnswerRecord, signal: AbortSignal): Promise<Procured> {
    if (record.kind === 'failed') {
      return { kind: 'failed', failure: record.failure, previous: order.previous };
    }
    const { answer } = record;
    if (!matches(answer.freshness, order.key.requestHeaders)) return await this.ask(order, signal);
    return { kind: 'answer', answer, from: 'replica' };
  }

  /** Of what is kept here and in the shared cache, the younger that is of use. */
  #withBest(order: Order, shared: Answer | undefined): Order {
    const nowMs = this.#clock.now();
    const [previous] = [order.previous, shared]
      .filter((answer) => answer !== undefined)
      .filter(
        ({ freshness }) => nowMs < freshness.keepUntilMs && matches(freshness, order.key.requestHeaders),
      )
      .sort((one, other) => other.freshness.bornAtMs - one.freshness.bornAtMs);
    return { ...order, previous };
  }

  /** Does not trust `ask` to notice that its time is up. */
  async #exchange(
    { ask }: Order,
    conditions: Record<string, string>,
    signal: AbortSignal,
  ): Promise<TargetReply> {
    if (signal.aborted) return { kind: 'failed', failure: endedBy(signal) };
    const { promise: ended, resolve } = Promise.withResolvers<TargetReply>();
    const end = (): void => resolve({ kind: 'failed', failure: endedBy(signal) });
    signal.addEventListener('abort', end, { once: true });
    try {
      return await Promise.race([ask(conditions, signal), ended]);
    } finally {
      signal.removeEventListener('abort', end);
    }
  }
}

/** What an aborted signal means for the one who waited. */
export function endedBy(signal: AbortSignal): TargetFailure {
  return isDeadline(signal.reason)
    ? { reason: 'TIMEOUT', message: 'It did not answer in time.' }
    : { reason: 'CANCELLED', message: 'Nobody waits for the answer any more.' };
}

/** A time-out of the platform, or of a call of ours. By its words: the classes differ between realms. */
function isDeadline(reason: unknown): boolean {
  if (typeof reason !== 'object' || reason === null) return false;
  return (
    ('name' in reason && reason.name === 'TimeoutError') || ('code' in reason && reason.code === 'timeout')
  );
}

// What only this replica met with, such as its own breaker: another may fare better and should ask.
const OWN_FAILURES: ReadonlySet<TargetFailure['reason']> = new Set([
  'BREAKER_OPEN',
  'BUSY',
  'NO_TOKEN',
  'CANCELLED',
]);

function recordOf(procured: Procured): AnswerRecord | undefined {
  if (procured.kind === 'answer') return { kind: 'answer', answer: procured.answer };
  const { failure } = procured;
  return OWN_FAILURES.has(failure.reason) ? undefined : { kind: 'failed', failure };
}

const UNASKED_304: TargetFailure = {
  reason: 'STATUS',
  status: 304,
  message: 'It answered 304 to a request without conditions.',
};

const isPreconditionFailed = (reply: TargetReply): boolean =>
  reply.kind === 'failed' && reply.failure.status === 412;
