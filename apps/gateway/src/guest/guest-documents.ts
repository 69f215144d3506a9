import { HallmarkError } from '@hallmark/errors';
import { Content } from '../http/content.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Answers } from '../nova/answers.ts';
import type { Claim } from './claims.ts';
import { notFound, unavailable, unknownError } from './guest-failures.ts';
import type { Metadata, MetadataEntry } from './metadata.ts';
import { Turns } from './turns.ts';

/** More than a target takes at a time by default, and fewer than those and the ones that it lets wait. */
const QUESTIONS_AT_A_TIME = 100;

/** Where the bytes of a guest's documents come from: its record, its own address, or vendordata. */
export class GuestDocuments {
  readonly #answers: Answers;
  /** Longest wait for vendordata. */
  readonly #timeoutMs: () => number;
  readonly #turns = new Turns(QUESTIONS_AT_A_TIME);

  constructor(answers: Answers, timeoutMs: () => number) {
    this.#answers = answers;
    this.#timeoutMs = timeoutMs;
  }

  /** The bytes, if nobody needs to be asked for them. */
  find(
    { source, content }: MetadataEntry,
    claim: Claim,
    metadata: Metadata,
    nowMs: number,
  ): Content | undefined {
    switch (source) {
      case 'vendor-data':
      case 'vendor-data2':
        return this.#answers.find(metadata.question(source).key, nowMs)?.content;
      case 'caller-address':
        // Python's word for nothing, as Nova has it.
        return new Content(Buffer.from(claim.address ?? 'None'));
      default:
        return content;
    }
  }

  /**
   * Asks vendordata.
   *
   * @throws HttpFailure 503 when a target that must answer does not, or nobody can be asked.
   */
  async obtain(exchange: Exchange, { source, content }: MetadataEntry, metadata: Metadata): Promise<Content> {
    if (source !== 'vendor-data' && source !== 'vendor-data2') return content;
    const { key, question } = metadata.question(source);
    const options = {
      requestId: exchange.id,
      timeoutMs: this.#timeoutMs(),
      signal: exchange.hangUpSignal,
    };
    try {
      const { answer, shared } = await this.#answers.ask(key, question, options, this.#turns);
      exchange.answerOrigin = shared ? 'shared' : 'miss';
      exchange.parts = answer.parts;
      return answer.content;
    } catch (thrown) {
      throw vendordataFailure(thrown);
    }
  }
}

function vendordataFailure(thrown: unknown): unknown {
  if (!(thrown instanceof HallmarkError)) return thrown;
  switch (thrown.code) {
    case 'not-found':
      return notFound('DOCUMENT_UNKNOWN');
    case 'unavailable':
    case 'timeout':
    case 'over-quota':
      return unavailable(thrown.reason, thrown.retryAfterSeconds);
    default:
      // Our own description of the instance, or the operator's file, is at fault.
      return unknownError(thrown.reason);
  }
}
