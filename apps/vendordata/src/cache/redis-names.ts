import { createHash } from 'node:crypto';
import type { Subject } from './local-answers.ts';

/** The shape of what is kept. Another one takes other names, so that replicas of two versions don't meet. */
const SHAPE = 'v1';

/**
 * Names of keys and channels in Redis. Ids appear only as digests. What one script touches has one hash
 * tag, so that it lies on one node of a Cluster.
 */
export class RedisNames {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = `${prefix}:${SHAPE}`;
  }

  /** The keys of one answer. `stamp` changes with each purge that concerns it. */
  answer(digest: string, stamp: string): { answer: string; lock: string; waiting: string } {
    const tail = `{${digest}}:${stamp}`;
    return {
      answer: `${this.#prefix}:answer:${tail}`,
      lock: `${this.#prefix}:lock:${tail}`,
      waiting: `${this.#prefix}:waiting:${tail}`,
    };
  }

  /** Hash of the tokens that a purge of everything, or of a target, changes. */
  get sharedTokens(): string {
    return `${this.#prefix}:tokens`;
  }

  /** Hash of the tokens that a purge of an instance changes. */
  instanceTokens(instanceId: Subject['instanceId']): string {
    return `${this.#prefix}:tokens:{${shortDigest(instanceId)}}`;
  }

  /** The newest version that a purge took. */
  get purgeClock(): string {
    return `${this.#prefix}:purge-clock`;
  }

  /** What a probe writes. */
  get probe(): string {
    return `${this.#prefix}:probe`;
  }

  /** Channel on which purges are announced. */
  get purges(): string {
    return `${this.#prefix}:purges`;
  }

  /** Channel of one process, for the answers that it waits for. */
  inbox(processId: string): string {
    return `${this.#prefix}:inbox:${processId}`;
  }
}

/** 128 bits: enough that nobody meets another by chance. */
export const shortDigest = (...parts: readonly string[]): string =>
  createHash('sha256').update(parts.join('\0')).digest('base64url').slice(0, 22);
