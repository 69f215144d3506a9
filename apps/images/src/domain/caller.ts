/** Who asks, as the identity service validated the token. */
export interface Caller {
  readonly userId: string;
  /** Empty for a token without a project. */
  readonly projectId: string;
  /** Of the user's own token, as Keystone spells them. */
  readonly roles: readonly string[];
  /** Of the service token that came along. */
  readonly serviceRoles: readonly string[];
  readonly systemScope: boolean;
}

/** The user's roles in one spelling: Keystone compares them without case. */
export const userRoles = (caller: Caller): ReadonlySet<string> => lowerCase(caller.roles);

/** Those with the roles of the service token, which count where an operator's file names roles. */
export const allRoles = (caller: Caller): ReadonlySet<string> =>
  lowerCase([...caller.roles, ...caller.serviceRoles]);

const lowerCase = (roles: readonly string[]): ReadonlySet<string> =>
  new Set(roles.map((role) => role.toLowerCase()));
