import { setTimeout as wait } from 'node:timers/promises';
import type { Answer, House } from './house.ts';

/** Statuses with which a server says that it has done nothing and may be asked again. */
const AGAIN = new Set([429, 503]);
export const PAUSE_MS = 100;
export const PATIENCE_MS = 120_000;

/**
 * A client behind a load balancer: a request that got no answer, or one that says "not now", is made again,
 * at the next gateway.
 */
export abstract class LoadBalancedClient {
  /** Answers with which no one can do anything, of any request. */
  readonly unexpected: string[] = [];
  /** Answers that say "not now". */
  readonly refusals: string[] = [];
  /** Requests that were made again. */
  repeats = 0;
  protected readonly house: House;
  #turn = 0;

  protected constructor(house: House) {
    this.house = house;
  }

  /** Makes a request until there is an answer to it. */
  protected async insist<A extends Answer>(what: string, ask: (gateway: number) => Promise<A>): Promise<A> {
    const giveUpAt = Date.now() + PATIENCE_MS;
    let last: unknown;
    while (Date.now() < giveUpAt) {
      try {
        const answer = await ask(this.nextGateway());
        if (answer.status < 300) return answer;
        const said = `${answer.status} ${answer.text}`;
        last = said;
        if (!AGAIN.has(answer.status) || answer.headers['retry-after'] === undefined) {
          this.unexpected.push(`${what}: ${said}`);
          return answer;
        }
        this.refusals.push(said);
      } catch (thrown) {
        last = thrown; // no answer: the gateway is not there, or no longer
      }
      this.repeats += 1;
      await wait(PAUSE_MS);
    }
    throw new Error(`${what} was not answered.`, { cause: last });
  }

  protected nextGateway(): number {
    return this.#turn++ % this.house.all('gateway').length;
  }
}
