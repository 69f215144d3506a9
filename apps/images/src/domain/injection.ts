import { userRoles, type Caller } from './caller.ts';
import type { InjectSettings } from './inject-settings.ts';

/** How data came: the ways of an import, or straight by PUT file. */
export type Door = 'glance-direct' | 'web-download' | 'copy-image' | 'upload';

/** What was decided about one image, and why; kept on the task. */
export interface InjectionDecision {
  readonly injected: boolean;
  readonly userId: string;
  /** In lower case, sorted. */
  readonly roles: readonly string[];
  /** In words. */
  readonly rule: string;
  /** What the image gets. */
  readonly properties: Readonly<Record<string, string>>;
  readonly decidedAt: Date;
}

export interface InjectionPolicy {
  readonly settings: InjectSettings;
  /** Whether an import has this step at all. */
  readonly injects: boolean;
  /** Whether data that arrives by PUT file is treated like an import. */
  readonly onUpload: boolean;
}

/** Decides whether an image gets the operator's properties. Undefined: there is nothing to decide. */
export function decideInjection(
  policy: InjectionPolicy,
  door: Door,
  caller: Caller,
  now: Date,
): InjectionDecision | undefined {
  const { settings, injects, onUpload } = policy;
  if (!injects || settings.properties.size === 0) return undefined;
  // A copy of an image that was already judged.
  if (door === 'copy-image' || (door === 'upload' && !onUpload)) return undefined;
  const roles = [...userRoles(caller)].toSorted();
  const ignored = roles.find((role) => settings.ignoreRoles.has(role));
  const listed = [...settings.ignoreRoles].join(', ');
  return {
    injected: ignored === undefined,
    userId: caller.userId,
    roles,
    rule:
      ignored === undefined
        ? `none of the user's roles is in ignore_user_roles (${listed})`
        : `role ${ignored} is in ignore_user_roles`,
    properties: ignored === undefined ? Object.fromEntries(settings.properties) : {},
    decidedAt: now,
  };
}

/**
 * The names in a create that a user without an ignored role must not set: they are dropped without
 * a word to the user, so that an image made of a volume or a snapshot that carries them succeeds.
 */
export function silentlyIgnored(
  { settings, injects }: Pick<InjectionPolicy, 'settings' | 'injects'>,
  names: Iterable<string>,
  caller: Caller,
): string[] {
  if (!injects || [...userRoles(caller)].some((role) => settings.ignoreRoles.has(role))) return [];
  return [...names].filter((name) => settings.properties.has(name)).toSorted();
}
