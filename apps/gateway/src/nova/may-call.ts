/** Who may ask for vendordata, as `[vendordata_endpoint]` says. */
export interface CallRule {
  /** One of these roles is needed. */
  readonly serviceRoles: ReadonlySet<string>;
  /** Names or ids of users. Empty: any user that has the role. */
  readonly allowedUsers: ReadonlySet<string>;
}

/** What the rule looks at. */
export interface CallerClaims {
  readonly userId: string;
  readonly userName: string;
  readonly roles: readonly string[];
}

export type Verdict = 'allowed' | 'role-missing' | 'user-not-allowed';

/**
 * A caller needs one of the service roles, spelt exactly so. Where users are listed, it must also be
 * one of them, by id or by name.
 */
export function mayCall(rule: CallRule, caller: CallerClaims): Verdict {
  if (!caller.roles.some((role) => rule.serviceRoles.has(role))) return 'role-missing';
  const { allowedUsers } = rule;
  if (allowedUsers.size === 0 || allowedUsers.has(caller.userId) || allowedUsers.has(caller.userName)) {
    return 'allowed';
  }
  return 'user-not-allowed';
}
