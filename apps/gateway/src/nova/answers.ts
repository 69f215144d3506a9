import { hash } from 'node:crypto';
import { vendordata } from '@hallmark/contracts';
import { HallmarkError, unavailable, type ErrorCode } from '@hallmark/errors';
import type { RpcClient } from '@hallmark/rpc';
import type { AskOptions } from '../http/callers.ts';
import { durationMs } from '../watch/duration.ts';
import type { HotCache, InvalidationRule, Made, Queue } from '../watch/hot-cache.ts';
import type { WatchEvent } from '../watch/invalidation-watch.ts';
import type { Landed } from '../watch/shared-flights.ts';
import { answerFromWire, type Answer } from './answer.ts';

/** Which answers were purged. Empty means any. */
export interface Purge {
  readonly instanceId: string;
  readonly target: string;
}

/** What may be made of the answers besides: for guests the documents that they read. */
export const { ResolveRequest_Document: Document } = vendordata;

/** Nova's description of an instance as it came, and the only target or the document wanted, or none. */
export interface Question {
  readonly instanceJson: Buffer;
  readonly target: string;
  readonly document: vendordata.ResolveRequest_Document;
}

export type VendordataClient = Pick<RpcClient<vendordata.VendordataServiceService>, 'resolve'>;
export type AnswerCache = HotCache<Answer, Purge>;

/** The member that may be composed of what several targets said. */
const COMPOSED_TARGET = 'cloud-init';

export const purgeRule: InvalidationRule<Answer, Purge> = {
  groupsOf: (answer) => [answer.instanceId],
  groupOf: (purge) => purge.instanceId || undefined,
  concerns: (purge, answer) =>
    (purge.instanceId === '' || purge.instanceId === answer.instanceId) &&
    (purge.target === '' || ['', COMPOSED_TARGET, purge.target].includes(answer.target)),
};

/** Failures that are the answer to the question. All others are outages of the house. */
const ANSWERS: readonly ErrorCode[] = ['invalid', 'not-found', 'over-quota', 'unavailable', 'timeout'];

/** Strings, arrays and objects of an answer beside its body. */
const ANSWER_BYTES = 800;

/** Names a question without holding it. All but the target has a fixed length, so no name can imitate it. */
export const questionKey = ({ instanceJson, target, document }: Question): string =>
  `${hash('sha256', instanceJson, 'base64url')}${document}${target}`;

/** Vendordata by question: asks the service once, and again when the answer's time is over. */
export class Answers {
  readonly #vendordata: VendordataClient;
  readonly #cache: AnswerCache;

  constructor(vendordata: VendordataClient, cache: AnswerCache) {
    this.#vendordata = vendordata;
    this.#cache = cache;
  }

  /** The answer to the question of this key (`questionKey`), if it was asked lately and may be repeated. */
  find(key: string, nowMs: number): Answer | undefined {
    return this.#cache.find(key, nowMs);
  }

  /** Asks, with a queue when it is its turn. What fails is a HallmarkError with a message that is fit for the caller. */
  async ask(key: string, question: Question, options: AskOptions, queue?: Queue): Promise<Landed<Answer>> {
    const resolve = async (signal: AbortSignal, sentAtMs: number): Promise<Made<Answer>> =>
      this.#resolve(question, sentAtMs, { ...options, signal });
    return this.#cache.obtain(key, options.signal, resolve, queue);
  }

  async #resolve(question: Question, sentAtMs: number, options: AskOptions): Promise<Made<Answer>> {
    const response = await this.#vendordata.resolve(question, options).catch((thrown: unknown) => {
      throw notTheHouse(thrown);
    });
    const answer = answerFromWire(response, question, sentAtMs);
    return {
      answer,
      ttlMs: durationMs(response.reuse?.ttl),
      version: response.reuse?.version ?? 0,
      bytes: answer.content.bytes.length + ANSWER_BYTES + answer.parts.length * 300,
    };
  }
}

/** What vendordata's watch says, in the words of every watch. */
export async function* purges(
  stream: AsyncIterable<vendordata.WatchInvalidationsResponse>,
): AsyncGenerator<WatchEvent<Purge>> {
  for await (const { event, version } of stream) {
    if (event?.$case === 'hello') yield { kind: 'hello', epoch: event.value.epoch, version };
    else if (event?.$case === 'answersInvalidated') {
      yield { kind: 'invalidated', invalidation: event.value, version };
    } else yield { kind: 'heartbeat', version };
  }
}

/** A code such as `forbidden` would tell callers of themselves what is meant for the gateway. */
function notTheHouse(thrown: unknown): unknown {
  if (!(thrown instanceof HallmarkError) || ANSWERS.includes(thrown.code)) return thrown;
  return unavailable(thrown.reason, thrown.message, {
    cause: thrown,
    retryAfterSeconds: thrown.retryAfterSeconds,
  });
}
