import type { Row } from './sample.ts';

/** A goal, what was measured, and whether it is reached. */
export interface Verdict {
  readonly letter: string;
  readonly what: string;
  readonly measured: number;
  readonly goal: string;
  readonly reached: boolean;
  /** A matter of right and wrong, not of speed: when it is not reached the bench fails. */
  readonly binding: boolean;
}

/** A goal of speed. */
export function speed(
  letter: string,
  what: string,
  measured: number,
  goal: string,
  reached: boolean,
): Verdict {
  return { letter, what, measured, goal, reached, binding: false };
}

/** No request may fail. */
export function failures(rows: readonly Row[]): Verdict {
  const failed = rows.reduce((sum, row) => sum + row.failed, 0);
  return {
    letter: '-',
    what: 'failed requests',
    measured: failed,
    goal: '= 0',
    reached: failed === 0,
    binding: true,
  };
}
