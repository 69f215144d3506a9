import { HallmarkError, unavailable } from '@hallmark/errors';
import { pauseAfterMs, scheduleLogin, type LoginFailure } from './login-schedule.ts';
import { digestOf, type TokenDigest } from './token-digest.ts';

/** A token of our own, fresh from Keystone. */
export interface NewToken {
  readonly token: string;
  readonly expiresAtMs: number;
}

/** A token of our own, and until when whoever got it may use it without asking again. */
export interface OwnToken {
  readonly token: string;
  readonly useUntilMs: number;
}

/** Logs in to Keystone once. Throws `unavailable`, or `not-ready` when Keystone refuses. */
export type LogIn = () => Promise<NewToken>;

/** Where an operator learns how logins end. */
export interface LoginEvents {
  loggedIn(): void;
  loginFailed(failure: LoginFailure, cause: unknown): void;
}

interface HeldToken extends NewToken {
  readonly digest: TokenDigest;
  readonly renewAtMs: number;
  readonly useUntilMs: number;
  /** It was fetched because a receiver refused the one before. */
  readonly replacement: boolean;
  readonly obtainedAtMs: number;
}

interface Failure {
  readonly thrown: unknown;
  readonly inRow: number;
  readonly pauseUntilMs: number;
}

/** For so long readers keep a token whose renewal fails: soon enough to get the new one. */
const REUSE_WHILE_FAILING_MS = 2_000;
/**
 * A receiver that refuses a token fresh from Keystone will refuse the next one too; without this
 * rest it would cost one login per request.
 */
const REST_AFTER_REPLACEMENT_MS = 5_000;
/** A timer longer than 2^31 ms would fire at once. */
const LONGEST_TIMER_MS = 3_600_000;

/**
 * One account's token, kept alive: fetched when first wanted, renewed in the background before it
 * ends, replaced when its receiver refuses it. There is never more than one login on the way, and
 * after a failed one Keystone is left alone for a while.
 */
export class StandingLogin implements Disposable {
  readonly #logIn: LogIn;
  readonly #now: () => number;
  readonly #events: LoginEvents;
  #held: HeldToken | undefined;
  #underWay: Promise<HeldToken> | undefined;
  #failure: Failure | undefined;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(logIn: LogIn, now: () => number, events: LoginEvents) {
    this.#logIn = logIn;
    this.#now = now;
    this.#events = events;
  }

  /** Whether a login has ever worked. */
  get hasToken(): boolean {
    return this.#held !== undefined;
  }

  /** Fetches the first token in the background, so that an operator learns at once of a bad login. */
  begin(): void {
    this.#fetchInBackground();
  }

  /** The token to use now. While its renewal fails it is handed out until its very end. */
  async get(): Promise<OwnToken> {
    const held = this.#held;
    if (held && this.#now() < held.useUntilMs) return held;
    try {
      return await this.#fetch(false);
    } catch (error) {
      if (!held || this.#now() >= held.expiresAtMs) throw error;
      const useUntilMs = Math.min(this.#now() + REUSE_WHILE_FAILING_MS, held.expiresAtMs);
      return { token: held.token, useUntilMs };
    }
  }

  /** A token other than the one that its receiver refused. */
  async replace(rejected: TokenDigest): Promise<OwnToken> {
    const held = this.#held;
    if (held?.digest !== rejected) return this.get();
    const resting = held.replacement && this.#now() < held.obtainedAtMs + REST_AFTER_REPLACEMENT_MS;
    return resting ? held : this.#fetch(true);
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  /** All who want a new token at the same time share one login. */
  async #fetch(replacement: boolean): Promise<HeldToken> {
    if (this.#underWay) return this.#underWay;
    if (this.#failure && this.#now() < this.#failure.pauseUntilMs) throw this.#failure.thrown;
    this.#underWay = this.#fetchOnce(replacement).finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  async #fetchOnce(replacement: boolean): Promise<HeldToken> {
    try {
      const fetched = await this.#logIn();
      const obtainedAtMs = this.#now();
      if (fetched.expiresAtMs <= obtainedAtMs) {
        throw unavailable(
          'KEYSTONE_UNAVAILABLE',
          'Keystone gave out a token that has already expired: its clock and the one here differ.',
        );
      }
      const schedule = scheduleLogin(obtainedAtMs, fetched.expiresAtMs);
      this.#held = { ...fetched, ...schedule, digest: digestOf(fetched.token), replacement, obtainedAtMs };
      this.#failure = undefined;
      this.#events.loggedIn();
      this.#wakeAt(schedule.renewAtMs);
      return this.#held;
    } catch (thrown) {
      this.#failed(thrown);
      throw thrown;
    }
  }

  #failed(thrown: unknown): void {
    const refused = thrown instanceof HallmarkError && thrown.code === 'not-ready';
    const kind: LoginFailure = refused ? 'refused' : 'unavailable';
    // What was broken off at the end is no news.
    if (!this.#ended) this.#events.loginFailed(kind, thrown);
    const inRow = (this.#failure?.inRow ?? 0) + 1;
    this.#failure = { thrown, inRow, pauseUntilMs: this.#now() + pauseAfterMs(kind, inRow) };
    this.#wakeAt(this.#failure.pauseUntilMs);
  }

  #wakeAt(timeMs: number): void {
    clearTimeout(this.#timer);
    if (this.#ended) return;
    const waitMs = Math.min(Math.max(timeMs - this.#now(), 0), LONGEST_TIMER_MS);
    this.#timer = setTimeout(() => {
      if (this.#now() < timeMs) this.#wakeAt(timeMs);
      else this.#fetchInBackground();
    }, waitMs);
    this.#timer.unref();
  }

  #fetchInBackground(): void {
    // Who waits for the token gets the failure, and the operator has been told.
    this.#fetch(false).catch(() => undefined);
  }
}
