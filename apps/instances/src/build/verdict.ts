import { HallmarkError } from '@hallmark/errors';
import type { Fault } from '../domain/instance-record.ts';

export type BuildFault = Pick<Fault, 'reason' | 'message'>;

/** What a failed attempt at a drive means for the instance. */
export type Verdict =
  /** It goes into ERROR: another attempt would be another answer to the same question. */
  | { readonly kind: 'final'; readonly fault: BuildFault }
  /** Something that the drive needs is down, and may be back. */
  | { readonly kind: 'again'; readonly message: string };

/** What the vendordata service decided, by the operator's policy. It asked; asking again is not ours to decide. */
const DECIDED = ['VENDORDATA_TARGET_FAILED', 'VENDORDATA_NOT_FREEZABLE'];

export function verdictOn(thrown: unknown): Verdict {
  // A bug or an outage; which of them, time will tell.
  if (!(thrown instanceof HallmarkError)) return { kind: 'again', message: 'Something failed inside.' };
  const { code, reason, message } = thrown;
  if (DECIDED.includes(reason)) return { kind: 'final', fault: { reason, message } };
  if (code === 'unavailable' || code === 'timeout') return { kind: 'again', message };
  return { kind: 'final', fault: failed(message) };
}

/** A drive that could not be built for another reason than an answer of a target. */
export const failed = (message: string): BuildFault => ({ reason: 'CONFIG_DRIVE_FAILED', message });
