const MIB = 1024 * 1024;

/** How long and how often is measured of images. */
export interface ImagesScale {
  /** Times that each line is measured, in turns with the others. */
  readonly rounds: number;
  /** Of images whose transfers are watched for memory, from small to large. The last is what (a) transfers. */
  readonly sizes: readonly number[];
  /** Of (a): transfers take long. */
  readonly transferRounds: number;
  /** Imports of one measurement of (b) and (d). */
  readonly imports: number;
  /** Creates of one measurement of (d). */
  readonly creates: number;
  readonly fewRules: number;
  readonly manyRules: number;
  /** Images in the registry of (c), from small to large. */
  readonly registries: readonly number[];
  /** Pages of one measurement of one list of (c). */
  readonly pages: number;
}

export const FULL_IMAGES: ImagesScale = {
  rounds: 5,
  sizes: [64 * MIB, 256 * MIB, 1024 * MIB],
  transferRounds: 3,
  imports: 100,
  creates: 500,
  fewRules: 10,
  manyRules: 1_000,
  registries: [1_000, 100_000, 1_000_000],
  pages: 200,
};

/** Shows that the bench works; its figures say little. */
export const QUICK_IMAGES: ImagesScale = {
  rounds: 1,
  sizes: [4 * MIB, 16 * MIB],
  transferRounds: 1,
  imports: 8,
  creates: 20,
  fewRules: 10,
  manyRules: 1_000,
  registries: [1_000, 5_000],
  pages: 8,
};
