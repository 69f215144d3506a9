import { setTimeout as wait } from 'node:timers/promises';

/** Waits until `look` gives true; fails after 15 seconds. */
export async function eventually(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!(await look())) {
    if (performance.now() > deadline) throw new Error(`Waited in vain for ${what}.`);
    await wait(20);
  }
}
