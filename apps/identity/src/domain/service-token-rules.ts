/** `[keystone_authtoken] service_token_roles` and `service_token_roles_required`. */
export interface ServiceTokenRules {
  readonly roles: readonly string[];
  readonly rolesRequired: boolean;
}

/**
 * - `confirmed`: it carries one of the roles, and an expired user token may pass with it.
 * - `tolerated`: it carries none, but none is required; it lends the user token nothing.
 * - `refused`: it carries none, and the request fails.
 */
export type ServiceTokenVerdict = 'confirmed' | 'tolerated' | 'refused';

/** What a valid service token is worth: one role out of the list is enough, letter by letter. */
export function judgeServiceToken(roles: readonly string[], rules: ServiceTokenRules): ServiceTokenVerdict {
  if (roles.some((role) => rules.roles.includes(role))) return 'confirmed';
  return rules.rolesRequired ? 'refused' : 'tolerated';
}
