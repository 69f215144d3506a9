import { LRUCache } from 'lru-cache';
import type { AnswerKey } from '../domain/answer.ts';
import type { Answer } from './answer-record.ts';

/** Which answers a purge means: those of both, where both are set; all, where neither is. */
export interface Scope {
  readonly instanceId?: string;
  readonly target?: string;
}

/** Whose answer it is. */
export type Subject = Pick<AnswerKey, 'instanceId' | 'target'>;

export const covers = (scope: Scope, subject: Subject): boolean =>
  (scope.instanceId === undefined || scope.instanceId === subject.instanceId) &&
  (scope.target === undefined || scope.target === subject.target);

interface Kept {
  readonly answer: Answer;
  readonly subject: Subject;
}

// What an entry takes beside its JSON, its key and its header fields: the objects and the lists of the LRU. Measured.
const OVERHEAD_BYTES = 1_152;

/** The answers in this process, bounded in bytes; those not used for the longest time go first. */
export class LocalAnswers {
  readonly #maxBytes: number;
  readonly #kept: LRUCache<string, Kept>;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    // An answer larger than the bound is not kept; a bound of 0, which lru-cache does not know, keeps none.
    this.#kept = new LRUCache({ maxSize: Math.max(1, maxBytes), sizeCalculation: sizeOf });
  }

  find(digest: string): Answer | undefined {
    return this.#kept.get(digest)?.answer;
  }

  keep(digest: string, subject: Subject, answer: Answer): void {
    const { instanceId, target } = subject;
    this.#kept.set(digest, { answer: withOwnMemory(answer), subject: { instanceId, target } });
  }

  drop(digest: string): void {
    this.#kept.delete(digest);
  }

  /** Looks at every entry: purges are rare, and an index would cost at each answer. Returns how many went. */
  forget(scope: Scope): number {
    const doomed = [...this.#kept.entries()].filter(([, { subject }]) => covers(scope, subject));
    for (const [digest] of doomed) this.#kept.delete(digest);
    return doomed.length;
  }

  state(): { entries: number; sizeBytes: number; maxBytes: number } {
    return { entries: this.#kept.size, sizeBytes: this.#kept.calculatedSize, maxBytes: this.#maxBytes };
  }
}

function sizeOf({ answer, subject }: Kept, digest: string): number {
  const { headers, varied } = answer.freshness;
  const text = [
    subject.instanceId,
    subject.target,
    digest,
    ...Object.entries({ ...headers, ...varied }).flat(),
  ];
  const characters = text.reduce((sum, part) => sum + (part?.length ?? 0), 0);
  return answer.json.length + characters + OVERHEAD_BYTES;
}

/** A slice of a larger buffer, such as Node's pool or a read from a socket, would keep all of it alive. */
function withOwnMemory(answer: Answer): Answer {
  const { json, freshness } = answer;
  if (json.buffer.byteLength === json.length) return answer;
  const own = Buffer.allocUnsafeSlow(json.length);
  json.copy(own);
  return { json: own, freshness };
}
