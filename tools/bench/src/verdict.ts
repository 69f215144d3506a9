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

/** A matter of right and wrong. */
export function exactly(letter: string, what: string, measured: number, goal: number): Verdict {
  return { letter, what, measured, goal: `= ${goal}`, reached: measured === goal, binding: true };
}

/** No request may fail, be it of a row or one of `others`. */
export function failures(rows: readonly Row[], others = 0): Verdict {
  return exactly(
    '-',
    'failed requests',
    rows.reduce((sum, row) => sum + row.failed, others),
    0,
  );
}
