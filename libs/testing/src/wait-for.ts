const POLL_MS = 25;

/**
 * Waits until `look` gives something other than `undefined` or `false`; fails after `timeoutMs` with what was
 * awaited and, when the last look threw, why. For conditions that only looking can tell.
 */
export async function waitFor<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  let cause: unknown;
  do {
    try {
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen;
      cause = undefined;
    } catch (thrown) {
      cause = thrown;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  } while (Date.now() < deadline);
  throw new Error(`Waited ${timeoutMs} ms for ${what}.`, { cause });
}
