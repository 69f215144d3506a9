/** Groups of the operator's directory that a role of the cloud opens on the user's machines. */
const GROUP_OF_ROLE: ReadonlyMap<string, string> = new Map([
  ['admin', 'wheel'],
  ['member', 'users'],
  ['reader', 'auditors'],
]);

/** What the guest is told. */
export interface Access {
  readonly host: string;
  readonly groups: readonly string[];
}

/**
 * Who may log in, by the roles that the user had when the instance was booted: they stay as they
 * were, so the answer is the same each time. Roles that the directory doesn't know open nothing.
 */
export function accessTo(hostname: string, bootRoles: readonly string[]): Access {
  const groups = bootRoles.flatMap((role) => GROUP_OF_ROLE.get(role) ?? []);
  return { host: hostname, groups: [...new Set(groups)].sort() };
}
