import type { TargetSettings } from '../domain/target-settings.ts';
import { Target, type TargetDependencies } from './target.ts';

/** The targets of one configuration, in order. */
export class TargetSet {
  readonly targets: readonly Target[];
  /** All that a target is made of, to tell whether it has changed. */
  readonly #keys: ReadonlyMap<Target, string>;
  #users = 0;
  #idle: (() => void) | undefined;

  private constructor(targets: ReadonlyMap<Target, string>) {
    this.targets = [...targets.keys()];
    this.#keys = targets;
  }

  /**
   * Makes targets of settings. One that has not changed is taken over from the set before, with its
   * connections, its breaker and its figures.
   */
  static of(
    settings: readonly TargetSettings[],
    dependencies: TargetDependencies,
    before: TargetSet | undefined,
  ): TargetSet {
    const known = new Map(before ? [...before.#keys].map(([target, key]) => [key, target]) : []);
    const targets = new Map<Target, string>();
    for (const one of settings) {
      const key = JSON.stringify([one, dependencies.resolveTimeoutMs]);
      targets.set(known.get(key) ?? new Target(one, dependencies), key);
    }
    return new TargetSet(targets);
  }

  find(name: string): Target | undefined {
    return this.targets.find((target) => target.name === name);
  }

  /** Keeps the targets of this set open until the work is done. */
  async use<T>(work: () => Promise<T>): Promise<T> {
    this.#users += 1;
    try {
      return await work();
    } finally {
      this.#users -= 1;
      if (this.#users === 0) this.#idle?.();
    }
  }

  /** Closes the targets that `successor` does not have, once nobody uses this set any more. */
  async retire(successor: TargetSet | undefined): Promise<void> {
    if (this.#users > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    const leaving = this.targets.filter((target) => successor?.targets.includes(target) !== true);
    await Promise.all(leaving.map((target) => target[Symbol.asyncDispose]()));
  }
}
