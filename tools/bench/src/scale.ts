/** How long and how often is measured. */
export interface Scale {
  /** Times that each line is measured, in turns with the others. */
  readonly rounds: number;
  /** Of one measurement of (a). */
  readonly cachedMs: number;
  readonly warmUpMs: number;
  /** Requests of one measurement of (b). */
  readonly coldRequests: number;
  /** Instances of one storm (c). */
  readonly stormInstances: number;
}

export const FULL: Scale = {
  rounds: 5,
  cachedMs: 2_000,
  warmUpMs: 1_000,
  coldRequests: 12,
  stormInstances: 1_000,
};

/** Shows that the bench works; its figures say little. */
export const QUICK: Scale = {
  rounds: 1,
  cachedMs: 300,
  warmUpMs: 100,
  coldRequests: 3,
  stormInstances: 96,
};
