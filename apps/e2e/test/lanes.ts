/** What is done again and again on a lane, from turn 0. */
export type Step = (turn: number) => Promise<unknown>;

/**
 * Does every step again and again, each on a lane of its own, while `meanwhile` runs; then lets each end. What
 * `meanwhile` throws is thrown, and not what lanes threw: they may have failed because of it.
 */
export async function onLanes(steps: readonly Step[], meanwhile: () => Promise<void>): Promise<void> {
  let isOver = false;
  const lanes = steps.map(async (step) => {
    for (let turn = 0; !isOver; turn++) await step(turn);
  });
  const ends = Promise.allSettled(lanes);
  try {
    await meanwhile();
  } finally {
    isOver = true;
    await ends;
  }
  await Promise.all(lanes);
}
