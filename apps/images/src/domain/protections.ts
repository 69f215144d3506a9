import { forbidden, type HallmarkError } from '@hallmark/errors';
import { allRoles, userRoles, type Caller } from './caller.ts';
import { isInternal, SHOWN_INTERNAL_NAMES } from './image.ts';
import type { InjectSettings } from './inject-settings.ts';
import type { Operation, Permission, ProtectionRule } from './protections-file.ts';

export interface ProtectionSettings {
  /** Undefined: the operator has no file. */
  readonly rules: readonly ProtectionRule[] | undefined;
  readonly inject: Pick<InjectSettings, 'properties' | 'ignoreRoles'>;
  /** Whether a rule of the policy allows a caller, without any target. */
  readonly allows: (rule: string, caller: Caller) => boolean;
}

/**
 * Who may create, read, update and delete which property: first what only the service sets, then
 * the names that it injects, then the operator's file, in which the first section that matches
 * decides and a name that none matches is for nobody.
 */
export class Protections {
  readonly #settings: ProtectionSettings;
  /** Which section is the first to match a name: names are few, patterns may be many. */
  readonly #firstMatch = new Map<string, ProtectionRule | undefined>();

  constructor(settings: ProtectionSettings) {
    this.#settings = settings;
  }

  allows(operation: Operation, name: string, caller: Caller): boolean {
    if (isInternal(name)) return operation === 'read' && SHOWN_INTERNAL_NAMES.has(name);
    if (this.isInjected(name)) {
      if (operation === 'read') return true;
      if (!this.bearsIgnoredRole(caller)) return false;
      const rule = this.#ruleFor(name);
      return !rule || this.#holds(rule.permissions[operation], caller);
    }
    if (!this.#settings.rules) return true;
    const rule = this.#ruleFor(name);
    return rule !== undefined && this.#holds(rule.permissions[operation], caller);
  }

  /** Refuses with the words that Glance's clients know. */
  require(operation: Operation, name: string, caller: Caller): void {
    if (!this.allows(operation, name, caller)) throw propertyProtected(name);
  }

  /** Whether the operator keeps this very name for injection. */
  isInjected(name: string): boolean {
    return this.#settings.inject.properties.has(name);
  }

  /** Whether the user has a role whose images are not injected. A service token's roles are not the user's. */
  bearsIgnoredRole(caller: Caller): boolean {
    const { ignoreRoles } = this.#settings.inject;
    return [...userRoles(caller)].some((role) => ignoreRoles.has(role));
  }

  #ruleFor(name: string): ProtectionRule | undefined {
    if (!this.#firstMatch.has(name)) {
      if (this.#firstMatch.size >= LONGEST_MEMORY) this.#firstMatch.clear();
      this.#firstMatch.set(
        name,
        this.#settings.rules?.find(({ pattern }) => pattern.test(name)),
      );
    }
    return this.#firstMatch.get(name);
  }

  #holds(permission: Permission, caller: Caller): boolean {
    switch (permission.kind) {
      case 'everyone':
        return true;
      case 'nobody':
        return false;
      case 'roles':
        return [...allRoles(caller)].some((role) => permission.roles.has(role));
      case 'policy':
        return this.#settings.allows(permission.rule, caller);
    }
  }
}

/** Names remembered before the memory begins anew; users choose names, so it must not grow for ever. */
const LONGEST_MEMORY = 10_000;

export function propertyProtected(name: string): HallmarkError {
  return forbidden('PROPERTY_PROTECTED', `Attribute '${name}' is reserved.`);
}
