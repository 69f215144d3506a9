/** Who may boot and read, as `[boot_api]` says; all in lower case. */
export interface BootRule {
  readonly readerRoles: ReadonlySet<string>;
  readonly writerRoles: ReadonlySet<string>;
  readonly adminRoles: ReadonlySet<string>;
}

/** What the rule looks at. */
export interface BootClaims {
  /** Empty unless the token is scoped to a project. */
  readonly projectId: string;
  readonly roles: readonly string[];
  readonly systemScope: boolean;
}

/** `boot` makes an instance, `change` is all else that is not reading. */
export type Action = 'read' | 'change' | 'boot';

export type Verdict =
  /** With the instances of this project; `othersToo`: with those of every project. */
  | { readonly kind: 'allowed'; readonly projectId: string; readonly othersToo: boolean }
  | { readonly kind: 'role-missing' }
  | { readonly kind: 'project-missing' };

/**
 * A reader reads, a writer reads and changes, within the project of the token; an admin does both in
 * every project, and a reader whose token is scoped to the system reads in every project. An instance is
 * always booted into the project of the token, by whomever. Roles are compared in lower case, as
 * Keystone and oslo.policy do.
 */
export function mayDo(
  rule: BootRule,
  { projectId, roles, systemScope }: BootClaims,
  action: Action,
): Verdict {
  const has = (wanted: ReadonlySet<string>): boolean => roles.some((role) => wanted.has(role.toLowerCase()));
  const isAdmin = has(rule.adminRoles);
  const isWriter = isAdmin || has(rule.writerRoles);
  const isReader = isWriter || has(rule.readerRoles);
  if (!(action === 'read' ? isReader : isWriter)) return { kind: 'role-missing' };
  const othersToo = isAdmin || (systemScope && action === 'read');
  if (projectId === '' && (!othersToo || action === 'boot')) return { kind: 'project-missing' };
  return { kind: 'allowed', projectId, othersToo };
}
