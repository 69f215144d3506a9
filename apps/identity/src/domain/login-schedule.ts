/** When a token of our own is renewed, and how long those who were given it may go on with it. */
export interface LoginSchedule {
  /** From here on a new token is fetched in the background. */
  readonly renewAtMs: number;
  /** Until here the token may be used without asking again. */
  readonly useUntilMs: number;
}

/** Keystoneauth renews when less than this is left, so that no token expires on its way to a target. */
const RENEW_BEFORE_MS = 120_000;
/** Tokens that live shorter than ten minutes are renewed when this share of their life is left. */
const RENEW_BEFORE_SHARE = 0.2;

/**
 * Renewal starts when 120 s are left, or a fifth of a short life. Readers go on for half of that
 * time, so that the new token is there before they ask for it.
 */
export function scheduleLogin(obtainedAtMs: number, expiresAtMs: number): LoginSchedule {
  const marginMs = Math.min(RENEW_BEFORE_MS, (expiresAtMs - obtainedAtMs) * RENEW_BEFORE_SHARE);
  return { renewAtMs: expiresAtMs - marginMs, useUntilMs: expiresAtMs - marginMs / 2 };
}

/** Why Keystone gave no token. */
export type LoginFailure = 'unavailable' | 'refused';

const FIRST_PAUSE_MS = { unavailable: 500, refused: 2_000 } satisfies Record<LoginFailure, number>;
/**
 * An outage is over when it is over, so it is looked at often. A refusal lasts until an operator
 * acts, and Keystone may lock an account that is tried too often.
 */
const LONGEST_PAUSE_MS = { unavailable: 2_000, refused: 60_000 } satisfies Record<LoginFailure, number>;

/** How long to leave Keystone alone after so many failures in a row, the latest being `failure`. */
export function pauseAfterMs(failure: LoginFailure, failuresInRow: number): number {
  return Math.min(FIRST_PAUSE_MS[failure] * 2 ** (failuresInRow - 1), LONGEST_PAUSE_MS[failure]);
}
