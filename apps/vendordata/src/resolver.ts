import { notFound } from '@hallmark/errors';
import type { Answers, AskTarget } from './domain/answer.ts';
import { CLOUD_INIT, composeCloudInit } from './domain/compose-cloud-init.ts';
import { freezeParts, type Freeze } from './domain/freezing.ts';
import type { Instance } from './domain/instance.ts';
import { partFrom, reuseOf, type Part } from './domain/resolution.ts';
import { isAskedFor } from './domain/target-settings.ts';
import { composeVendorData2, STATIC, type Provider } from './domain/vendor-data-document.ts';
import { Patience, type Asker } from './patience.ts';
import type { Target } from './targets/target.ts';
import type { TargetSet } from './targets/target-set.ts';
import { isDeadline } from './targets/transport.ts';

/** What somebody wants to know about an instance. */
export interface Question {
  /** Name of the only target wanted. Empty: all. */
  readonly target: string;
  /** What to compose. Undefined: nothing, the parts are wanted. */
  readonly document: 'vendor_data.json' | 'vendor_data2.json' | undefined;
  /** Set when the answer is to be kept for the life of the instance. */
  readonly freeze: Freeze | undefined;
}

/** What the targets have to say about an instance. */
export interface Resolution {
  readonly parts: readonly Part[];
  /** The document asked for. */
  readonly document: Buffer | undefined;
  /** Names of the targets whose answer should not be kept for so long. */
  readonly shortLived: readonly string[];
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
  /** What `vendor_data2.json` is made of. */
  readonly providers: readonly Provider[];
  /** What the file of `StaticJSON` holds now. */
  readonly staticJson: () => Buffer;
  /** How long all targets together may take. */
  readonly resolveTimeoutMs: number;
}

/** How long what holds until a file changes may be reused: of the change readers are told. */
const STATIC_TTL_S = 86_400;

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
   * What the targets say about an instance, and the document made of it.
   *
   * @throws HallmarkError `TARGET_UNKNOWN`; `NO_STATIC_VENDORDATA`; `VENDORDATA_TARGET_FAILED` when a
   * target whose policy is `fatal` failed; `VENDORDATA_NOT_FREEZABLE`.
   */
  async resolve(instance: Instance, question: Question, asker: Asker): Promise<Resolution> {
    // Before anything is asked: what is purged from now on is newer than this answer.
    const version = this.#answers.version();
    const { target: wanted, document, freeze } = question;
    const composes = this.#settings.composeCloudInit && (wanted === '' || wanted === CLOUD_INIT);
    const asked = this.#candidates(question, composes).filter((target) =>
      isAskedFor(target.settings, instance.projectId),
    );
    const answers = await this.#settings.set.use(() => this.#askAll(asked, instance, asker));
    for (const part of answers) this.#events.contributed(part);
    const frozen = freeze && freezeParts(answers, freeze);
    const given = frozen?.parts ?? answers;
    // With composition every part decides, also one that has nothing for cloud-init today.
    const reuse =
      document !== undefined && given.length === 0
        ? { ttlSeconds: STATIC_TTL_S, ageSeconds: 0 }
        : reuseOf(given);
    const isAnswered = document === undefined || given.length > 0;
    const parts = composes && isAnswered ? this.#compose(given, wanted, reuse) : given;
    return {
      parts,
      document: document && this.#document(document, parts),
      shortLived: frozen?.shortLived ?? [],
      reuse,
      version,
    };
  }

  /** Whom to ask. A target whose name the file takes would be asked in vain. */
  #candidates({ target: wanted, document }: Question, composes: boolean): readonly Target[] {
    const { set, providers } = this.#settings;
    switch (document) {
      case undefined:
        return wanted === '' || composes ? set.targets : [this.getTarget(wanted)];
      case 'vendor_data.json':
        return [];
      case 'vendor_data2.json':
        if (!providers.includes('DynamicJSON')) return [];
        return set.targets.filter(({ name }) => name !== STATIC || !providers.includes('StaticJSON'));
    }
  }

  #document(kind: NonNullable<Question['document']>, parts: readonly Part[]): Buffer {
    const { providers, staticJson } = this.#settings;
    if (kind === 'vendor_data2.json') return composeVendorData2(providers, staticJson(), parts);
    if (providers.includes('StaticJSON')) return staticJson();
    throw notFound(
      'NO_STATIC_VENDORDATA',
      'StaticJSON is not among [api] vendordata_providers, so there is no vendor_data.json.',
    );
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
