export interface Named {
  readonly id: string;
  readonly name: string;
}

/** A name that means something only inside its domain. */
export interface InDomain extends Named {
  readonly domain: Named;
}

/** Who a token belongs to and what it is good for, as Keystone says it. */
export interface TokenOwner {
  readonly user: InDomain;
  /** Absent when the token is scoped to anything but a project. */
  readonly project?: InDomain;
  /** Role names in Keystone's order. */
  readonly roles: readonly string[];
  readonly systemScope: boolean;
  readonly expiresAtMs: number;
}
