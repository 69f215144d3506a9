import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { RedisLink, RunScript } from './redis-link.ts';
import { shortDigest } from './redis-names.ts';
import { ANNOUNCE, REVOKE } from './redis-scripts.ts';
import type { Sealer } from './sealing.ts';

/** A purge as it travels. `id` tells the same one from another, by whichever way it comes. */
const Purge = z.object({
  id: z.string(),
  version: z.number(),
  scope: z.object({ instanceId: z.string().optional(), target: z.string().optional() }),
});
export type Purge = z.infer<typeof Purge>;

export function parsePurge(json: string): Purge | undefined {
  try {
    return Purge.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}

/** Beyond so many purges that Redis missed, everything is purged instead, as one probe has to make up for them. */
const LONGEST_BACKLOG = 100;

/**
 * Purges in Redis. Nothing is searched for: a purge takes away the tokens that are part of the names of
 * what it concerns, which is then never found again and expires.
 */
export class SharedPurges {
  readonly #link: RedisLink;
  readonly #sealer: Sealer;
  #missed: Purge[] = [];

  constructor(link: RedisLink, sealer: Sealer) {
    this.#link = link;
    this.#sealer = sealer;
    link.onReturn((run) => this.#makeUp(run));
  }

  /** Hears the purges of all replicas, this one's too, in the order of their versions. */
  listen(onPurge: (purge: Purge) => void): void {
    this.#link.listen(this.#link.names.purges, (message) => onPurge(this.#open(message)));
  }

  /** Hears that purges may have been missed. */
  onGap(afterGap: () => void): void {
    this.#link.onGap(afterGap);
  }

  /**
   * Purges in Redis and tells the other replicas. Gives the version that the purge took among all
   * replicas; undefined when Redis was not reached, which is made up for when it is back.
   */
  async purge(purge: Purge): Promise<number | undefined> {
    const version = await this.#link.attempt((run) => this.#purgeNow(purge, run));
    if (version === undefined) {
      this.#missed.push(purge);
      if (this.#missed.length > LONGEST_BACKLOG) this.#missed = [{ ...purge, scope: {} }];
    }
    return version;
  }

  async #makeUp(run: RunScript): Promise<void> {
    for (let purge = this.#missed[0]; purge !== undefined; purge = this.#missed[0]) {
      await this.#purgeNow(purge, run);
      this.#missed = this.#missed.filter((missed) => missed !== purge);
    }
  }

  async #purgeNow(purge: Purge, run: RunScript): Promise<number> {
    const { names } = this.#link;
    const { instanceId, target } = purge.scope;
    const tokens = instanceId === undefined ? names.sharedTokens : names.instanceTokens(instanceId);
    // Before it is announced: who hears of it must not find what it concerns.
    await run(REVOKE, [tokens], target === undefined ? [] : [shortDigest(target)]);
    const sealed = this.#sealer.seal(names.purges, Buffer.from(JSON.stringify(purge)));
    return Number(String(await run(ANNOUNCE, [names.purgeClock], [names.purges, purge.version, sealed])));
  }

  #open(message: Buffer): Purge {
    const end = message.indexOf('\n');
    const plain = this.#sealer.open(this.#link.names.purges, message.subarray(end + 1));
    const purge = parsePurge(plain?.toString() ?? '');
    // What cannot be read, for want of a key that others have already, may mean anything.
    const { id, scope } = purge ?? { id: randomUUID(), scope: {} };
    return { id, scope, version: Number(message.toString('utf8', 0, end)) };
  }
}
