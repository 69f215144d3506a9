import { notReady } from '@hallmark/errors';
import { NOTHING, type Part } from './resolution.ts';

/** What becomes of an answer that its target wants to be asked for again soon. */
export type ShortLivedPolicy = 'warn' | 'omit' | 'fatal';

/** The answers are to be kept for the life of the instance, which they outlive only if they say so. */
export interface Freeze {
  readonly minLifetimeSeconds: number;
  readonly shortLived: ShortLivedPolicy;
}

export interface Frozen {
  readonly parts: readonly Part[];
  /** Names of the targets whose answer is short-lived, given or not. */
  readonly shortLived: readonly string[];
}

/**
 * Decides which parts may be kept for good. One is short-lived when its target claims a life shorter
 * than the least, or none at all (`no-store`, `no-cache`), counted from the answer's making and not
 * from now: otherwise the outcome would depend on how long the answer had lain in a cache. A target
 * that claims nothing is believed to mean it for good, as with Nova.
 *
 * @throws HallmarkError `VENDORDATA_NOT_FREEZABLE`, naming the targets, when the policy is `fatal`.
 */
export function freezeParts(parts: readonly Part[], { minLifetimeSeconds, shortLived }: Freeze): Frozen {
  const isShortLived = ({ lifetimeSeconds }: Part): boolean =>
    lifetimeSeconds !== undefined && (lifetimeSeconds === 0 || lifetimeSeconds < minLifetimeSeconds);
  const fleeting = parts.filter(isShortLived);
  const names = fleeting.map(({ name }) => name);
  if (names.length === 0 || shortLived === 'warn') return { parts, shortLived: names };
  if (shortLived === 'fatal') {
    const told = fleeting.map(({ name, lifetimeSeconds }) => `"${name}" says ${lifetimeSeconds} s`);
    throw notReady(
      'VENDORDATA_NOT_FREEZABLE',
      `What is frozen must be good for ${minLifetimeSeconds} s: target ${told.join(', ')}.`,
    );
  }
  return {
    parts: parts.map((part) => (isShortLived(part) ? { ...part, json: NOTHING, source: 'omitted' } : part)),
    shortLived: names,
  };
}
