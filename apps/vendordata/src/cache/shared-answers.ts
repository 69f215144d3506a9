import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { Clock } from '@hallmark/runtime';
import type { AnswerKey } from '../domain/answer.ts';
import { decodeRecord, encodeRecord } from './answer-record.ts';
import type { Answer, AnswerRecord } from './answer-record.ts';
import type { RedisLink, RunScript } from './redis-link.ts';
import { shortDigest } from './redis-names.ts';
import { CLAIM, FINISH, PROLONG, RENEW, TOKENS } from './redis-scripts.ts';
import type { Sealer } from './sealing.ts';

/** What came of asking the other replicas. */
export type Claim =
  /** A kept answer that may serve. */
  | { readonly kind: 'kept'; readonly answer: Answer }
  /** Another replica asked the target meanwhile; this is what it was told. */
  | { readonly kind: 'told'; readonly record: AnswerRecord; readonly previous: Answer | undefined }
  /** This process asks, and others may wait for it. */
  | { readonly kind: 'lead'; readonly lease: Lease; readonly previous: Answer | undefined }
  /** This process asks for itself. */
  | { readonly kind: 'alone'; readonly previous: Answer | undefined };

// A leader that died is replaced after this time; one that lives renews three times in it.
const LOCK_MS = 2_000;
const RENEWAL_MS = 500;
/** How often one who waits looks whether the leader is still there. */
const POLL_MS = 250;
/** Longer than any request lasts: a list of those who wait is of no use after that. */
const WAITING_MS = 60_000;

// Tokens must outlive what is kept under them; too short only means that it is not found.
const SHARED_TOKENS_MS = 31 * 86_400_000;
const INSTANCE_TOKENS_MS = 3_600_000;

const FRESH_UNTIL_DIGITS = 13;

/** In place of a time to keep: what is kept already stays, as when the target failed. */
const LEAVE = -1;

interface Keys {
  readonly answer: string;
  readonly lock: string;
  readonly waiting: string;
}

/**
 * The second level of the cache, in Redis, and the place where replicas agree on who asks. Every step is
 * allowed to fail: then this process asks for itself.
 */
export class SharedAnswers {
  readonly #link: RedisLink;
  readonly #sealer: Sealer;
  readonly #clock: Clock;
  readonly #told = new EventEmitter().setMaxListeners(0);

  constructor(link: RedisLink, sealer: Sealer, clock: Clock) {
    this.#link = link;
    this.#sealer = sealer;
    this.#clock = clock;
    link.listen(link.inbox, (message) => {
      const end = message.indexOf('\n');
      if (end > 0) this.#told.emit(message.toString('utf8', 0, end), message.subarray(end + 1));
    });
  }

  /**
   * Finds an answer that `serves`, waits for the replica that is getting one, or makes this process the
   * one that asks. Ends with `alone` when `signal` is aborted.
   */
  async claim(key: AnswerKey, serves: (answer: Answer) => boolean, signal: AbortSignal): Promise<Claim> {
    const keys = await this.#link.attempt((run) => this.#keysOf(key, run));
    if (keys === undefined) return { kind: 'alone', previous: undefined };

    const owner = randomBytes(12).toString('base64url');
    // Before the first claim, so that no message falls between it and the waiting.
    const mail = new Mailbox(this.#told, keys.answer);
    try {
      for (let useKept = true; ;) {
        const claim = await this.#claimOnce(key, keys, owner, useKept);
        const { previous } = claim;
        if (previous !== undefined && serves(previous)) {
          if (claim.kind === 'lead') void claim.lease.abandon();
          return { kind: 'kept', answer: previous };
        }
        if (claim.kind === 'lead' || claim.kind === 'alone') return claim;

        // Fresh, but sealed with a key that is gone, or made for other request headers: not for us.
        useKept &&= claim.kind !== 'fresh';
        if (claim.kind === 'fresh') continue;
        const message = await mail.next(POLL_MS, signal);
        if (signal.aborted) return { kind: 'alone', previous };
        const record = message && this.#open(keys.answer, message);
        if (record !== undefined) return { kind: 'told', record, previous };
      }
    } finally {
      mail.close();
    }
  }

  async #keysOf({ target, instanceId, digest }: AnswerKey, run: RunScript): Promise<Keys> {
    const token = randomBytes(8).toString('base64url');
    const targetField = shortDigest(target);
    const tokens = await Promise.all([
      run(TOKENS, [this.#link.names.sharedTokens], [token, SHARED_TOKENS_MS, '*', targetField]),
      run(
        TOKENS,
        [this.#link.names.instanceTokens(instanceId)],
        [token, INSTANCE_TOKENS_MS, '*', targetField],
      ),
    ]);
    return this.#link.names.answer(digest, shortDigest(...tokens.map(String)));
  }

  async #claimOnce(key: AnswerKey, keys: Keys, owner: string, useKept: boolean): Promise<ClaimedOnce> {
    const freshAfterMs = useKept ? this.#clock.now() : Number.MAX_SAFE_INTEGER;
    const reply = await this.#link.attempt((run) =>
      run(
        CLAIM,
        [keys.answer, keys.lock, keys.waiting],
        [freshAfterMs, owner, this.#link.inbox, LOCK_MS, WAITING_MS],
      ),
    );
    if (!Array.isArray(reply)) return { kind: 'alone', previous: undefined };
    const parts: readonly unknown[] = reply;
    const [role, kept, refusal] = parts;
    const record = Buffer.isBuffer(kept) ? this.#open(keys.answer, kept) : undefined;
    const previous = record?.kind === 'answer' ? record.answer : undefined;
    switch (String(role)) {
      case 'fresh':
        return { kind: 'fresh', previous };
      case 'follow':
        return { kind: 'follow', previous };
      case 'lead':
        return { kind: 'lead', lease: this.#lease(key, keys, owner), previous };
      default:
        this.#link.noteWrite(refusal);
        return { kind: 'alone', previous };
    }
  }

  #lease({ instanceId }: AnswerKey, keys: Keys, owner: string): Lease {
    const link = this.#link;
    const { answer, lock, waiting } = keys;
    const finish = async (value: Buffer, keepMs: number): Promise<void> => {
      const keep = Math.ceil(keepMs);
      const refusal = await link.attempt(async (run) => {
        const [refused] = await Promise.all([
          run(FINISH, [answer, lock, waiting], [owner, value, keep]),
          // The claim has seen to half of their time.
          keep > INSTANCE_TOKENS_MS / 2 && run(PROLONG, [link.names.instanceTokens(instanceId)], [keep]),
        ]);
        return refused;
      });
      if (refusal !== undefined && keep > 0) link.noteWrite(refusal);
    };
    return new Lease({
      renew: () => link.attempt((run) => run(RENEW, [lock], [owner, LOCK_MS])),
      abandon: () => finish(Buffer.alloc(0), LEAVE),
      finish: (record) => finish(this.#seal(answer, record), this.#keepMs(record)),
    });
  }

  #keepMs(record: AnswerRecord): number {
    if (record.kind === 'failed') return LEAVE;
    return Math.max(0, record.answer.freshness.keepUntilMs - this.#clock.now());
  }

  #seal(name: string, record: AnswerRecord): Buffer {
    const freshUntilMs = record.kind === 'answer' ? record.answer.freshness.freshUntilMs : 0;
    const head = String(Math.max(0, Math.floor(freshUntilMs))).padStart(FRESH_UNTIL_DIGITS, '0');
    return Buffer.concat([Buffer.from(head), this.#sealer.seal(name, encodeRecord(record))]);
  }

  #open(name: string, value: Buffer): AnswerRecord | undefined {
    const plain = this.#sealer.open(name, value.subarray(FRESH_UNTIL_DIGITS));
    return plain && decodeRecord(plain);
  }
}

type ClaimedOnce =
  | Extract<Claim, { kind: 'lead' | 'alone' }>
  | { readonly kind: 'fresh' | 'follow'; readonly previous: Answer | undefined };

interface LeaseUses {
  readonly renew: () => Promise<unknown>;
  readonly abandon: () => Promise<void>;
  readonly finish: (record: AnswerRecord) => Promise<void>;
}

/** The right to ask for all replicas. Ends with one of `finish` and `abandon`. */
export class Lease {
  readonly #uses: LeaseUses;
  readonly #renewal: NodeJS.Timeout;

  constructor(uses: LeaseUses) {
    this.#uses = uses;
    this.#renewal = setInterval(() => void uses.renew(), RENEWAL_MS).unref();
  }

  /** Keeps the answer for as long as it may be, and hands it, or the failure, to those who wait. */
  async finish(record: AnswerRecord): Promise<void> {
    clearInterval(this.#renewal);
    await this.#uses.finish(record);
  }

  /** Lets another replica ask. */
  async abandon(): Promise<void> {
    clearInterval(this.#renewal);
    await this.#uses.abandon();
  }
}

/** Messages about one answer, collected from the moment it is made. */
class Mailbox {
  readonly #source: EventEmitter;
  readonly #name: string;
  readonly #messages: Buffer[] = [];
  #wake: () => void = () => undefined;

  constructor(source: EventEmitter, name: string) {
    this.#source = source;
    this.#name = name;
    source.on(name, this.#take);
  }

  /** The next message, or undefined after `waitMs` or when `signal` is aborted. */
  async next(waitMs: number, signal: AbortSignal): Promise<Buffer | undefined> {
    if (this.#messages.length === 0 && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<undefined>();
      this.#wake = () => resolve(undefined);
      const timer = setTimeout(this.#wake, waitMs);
      signal.addEventListener('abort', this.#wake, { once: true });
      await promise;
      clearTimeout(timer);
      signal.removeEventListener('abort', this.#wake);
    }
    return this.#messages.shift();
  }

  close(): void {
    this.#source.off(this.#name, this.#take);
  }

  readonly #take = (message: Buffer): void => {
    this.#messages.push(message);
    this.#wake();
  };
}
