/** How long and how often is measured of guests. */
export interface GuestScale {
  /** Times that each line is measured, in turns with the others. */
  readonly rounds: number;
  /** Of one measurement of (a). */
  readonly warmMs: number;
  readonly warmUpMs: number;
  /** Instances of (b), and of the small registry of (d). */
  readonly instances: number;
  /** Of (c). */
  readonly crawlers: number;
  /** Instances of the large registry of (d). */
  readonly largeRegistry: number;
  /** Boots of one measurement of (e). */
  readonly drives: number;
  /** Of (f). */
  readonly waiters: number;
}

export const FULL_GUEST: GuestScale = {
  rounds: 5,
  warmMs: 2_000,
  warmUpMs: 1_000,
  instances: 1_000,
  crawlers: 500,
  largeRegistry: 1_000_000,
  drives: 100,
  waiters: 10_000,
};

/** Shows that the bench works; its figures say little. */
export const QUICK_GUEST: GuestScale = {
  rounds: 1,
  warmMs: 300,
  warmUpMs: 100,
  instances: 60,
  crawlers: 20,
  largeRegistry: 5_000,
  drives: 6,
  waiters: 200,
};
