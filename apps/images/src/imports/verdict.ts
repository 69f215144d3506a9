import { HallmarkError } from '@hallmark/errors';

/** Why an import failed: for programs, and for a person. */
export interface ImportFault {
  readonly reason: string;
  readonly message: string;
}

/** What something that was thrown says to users. What nobody foresaw says nothing. */
export function faultOf(thrown: unknown): ImportFault {
  if (!(thrown instanceof HallmarkError))
    return { reason: 'INTERNAL_ERROR', message: 'Task failed due to Internal Error.' };
  const { reason, message } = thrown;
  return { reason, message: /[.!?]$/.test(message) ? message : `${message}.` };
}

/** An import does not fail because PostgreSQL is away. */
export const isDatabaseAway = (thrown: unknown): boolean =>
  thrown instanceof HallmarkError && thrown.reason.startsWith('DATABASE_');
