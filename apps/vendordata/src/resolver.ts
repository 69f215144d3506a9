import { notFound } from '@hallmark/errors';
import type { Answers, AskTarget } from './domain/answer.ts';
import { CLOUD_INIT, composeCloudInit } from './domain/compose-cloud-init.ts';
import type { Instance } from './domain/instance.ts';
import { partFrom, reuseOf, type Part } from './domain/resolution.ts';
import { isAskedFor } from './domain/target-settings.ts';
import { Patience, type Asker } from './patience.ts';
import type { Target } from './targets/target.ts';
import type { TargetSet } from './targets/target-set.ts';
import { isDeadline } from './targets/transport.ts';

/** What the targets have to say about an instance. */
export interface Resolution {
  readonly parts: readonly Part[];
  readonly reuse: { readonly ttlSeconds: number; readonly ageSeconds: number };
  /** The newest invalidation that it takes into account. */
  readonly version: number;
}

export interface ResolverEvents {
  contributed(part: Part): void;
  composed(dropped: readonly { target: string; found: string }[]): void;
}

/** One configuration of the targets. */
export interface ResolverSettings {
  readonly set: TargetSet;
  readonly composeCloudInit: boolean;
  /** How long all targets together may take. */
  readonly resolveTimeoutMs: number;
}

/** Asks all targets at once and makes one document of what they say. */
export class Resolver {
  readonly #settings: ResolverSettings;
  readonly #answers: Answers;
  readonly #events: ResolverEvents;

  constructor(settings: ResolverSettings, answers: Answers, events: ResolverEvents) {
    this.#settings = settings;
    this.#answers = answers;
    this.#events = events;
  }

  /** The target of that name. @throws HallmarkError `TARGET_UNKNOWN` */
  getTarget(name: string): Target {
    const target = this.#settings.set.find(name);
    if (!target) throw notFound('TARGET_UNKNOWN', `No target is named "${name}".`);
    return target;
  }

  /**
   * What all targets say about an instance, or only `wanted` where it is not empty.
   *
   * @throws HallmarkError `TARGET_UNKNOWN`, or `VENDORDATA_TARGET_FAILED` when a target whose
   * policy is `fatal` failed.
   */
  async resolve(instance: Instance, wanted: string, asker: Asker): Promise<Resolution> {
    // Before anything is asked: what is purged from now on is newer than this answer.
    const version = this.#answers.version();
    const composes = this.#settings.composeCloudInit && (wanted === '' || wanted === CLOUD_INIT);
    const candidates = wanted === '' || composes ? this.#settings.set.targets : [this.getTarget(wanted)];
    const asked = candidates.filter((target) => isAskedFor(target.settings, instance.projectId));
    const parts = await this.#settings.set.use(() => this.#askAll(asked, instance, asker));
    for (const part of parts) this.#events.contributed(part);
    // With composition every part decides, also one that has nothing for cloud-init today.
    const reuse = reuseOf(parts);
    return { parts: composes ? this.#compose(parts, wanted, reuse) : parts, reuse, version };
  }

  async #askAll(targets: readonly Target[], instance: Instance, asker: Asker): Promise<Part[]> {
    using patience = new Patience(asker, this.#settings.resolveTimeoutMs);
    const { signal } = patience;
    try {
      return await Promise.all(targets.map((target) => this.#ask(target, instance, signal)));
    } catch (error) {
      // After the failure of a fatal target nobody wants what the others would say.
      patience.lose();
      throw error;
    }
  }

  async #ask(target: Target, instance: Instance, signal: AbortSignal): Promise<Part> {
    const startedAt = performance.now();
    const ask: AskTarget = (conditional, flight) =>
      target.ask(instance, conditional, explained(flight, signal));
    const outcome = await this.#answers.resolve(target.keyFor(instance), target.cachePolicy(), ask, signal);
    return partFrom(target.name, target.settings.failure, outcome, performance.now() - startedAt);
  }

  #compose(parts: readonly Part[], wanted: string, reuse: Resolution['reuse']): Part[] {
    const { json, isEmpty, dropped } = composeCloudInit(
      parts.map(({ name, json }) => ({ target: name, json })),
    );
    this.#events.composed(dropped);
    const composed: Part = {
      name: CLOUD_INIT,
      json,
      source: 'composed',
      elapsedMs: 0,
      failure: undefined,
      ...reuse,
    };
    if (wanted === CLOUD_INIT) return [composed];
    return [...parts.filter(({ name }) => name !== CLOUD_INIT), ...(isEmpty ? [] : [composed])];
  }
}

/**
 * The signal of a shared request, which ends without a reason once nobody waits for it; aborted
 * with that of the caller who began it. A target that outlasts a deadline has failed, one whose
 * caller went away has not.
 */
function explained(flight: AbortSignal, caller: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => {
    controller.abort(caller.aborted && !isDeadline(flight.reason) ? caller.reason : flight.reason);
  };
  if (flight.aborted) abort();
  else flight.addEventListener('abort', abort, { once: true });
  return controller.signal;
}
