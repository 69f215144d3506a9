import { createHash } from 'node:crypto';

/** A person or a service that may log in. */
export interface FakeUser {
  readonly name: string;
  readonly password: string;
  /** Name of the domain the user belongs to. Default: `Default`. */
  readonly domain?: string;
  /** Role names on projects of the same domain, by project name. */
  readonly projects?: Readonly<Record<string, readonly string[]>>;
  /** Role names on the user's own domain. */
  readonly domainRoles?: readonly string[];
  /** Role names on the whole system. */
  readonly systemRoles?: readonly string[];
  /** Project of a token for which no scope was asked. Without it such a token is unscoped. */
  readonly defaultProject?: string;
}

/** A login that a user made for a program, bound to one project. */
export interface FakeApplicationCredential {
  readonly name: string;
  readonly secret: string;
  /** Name of its owner. */
  readonly user: string;
  readonly project: string;
  readonly roles: readonly string[];
  /** Its tokens end with it. */
  readonly expiresAt?: Date;
}

export interface Named {
  readonly id: string;
  readonly name: string;
}

export interface InDomain extends Named {
  readonly domain: Named;
}

export type Scope =
  | { readonly kind: 'project'; readonly project: InDomain }
  | { readonly kind: 'domain'; readonly domain: Named }
  | { readonly kind: 'system' }
  | { readonly kind: 'unscoped' };

/** What a login proved, and what its token is for. */
export interface Grant {
  readonly method: 'password' | 'application_credential';
  readonly user: InDomain;
  readonly scope: Scope;
  readonly roles: readonly Named[];
  readonly applicationCredential?: Named;
  /** The token ends then, if its own life does not end earlier. */
  readonly notAfterMs?: number;
}

export const DEFAULT_USERS: readonly FakeUser[] = [
  { name: 'nova', password: 'nova-secret', projects: { service: ['service'] } },
  { name: 'hallmark', password: 'hallmark-secret', projects: { service: ['service'] } },
  { name: 'alice', password: 'alice-secret', projects: { demo: ['member', 'reader'] } },
];

const DEFAULT_DOMAIN: Named = { id: 'default', name: 'Default' };

/** Ids are made from names, so that they are the same in every run. */
export function idOf(kind: string, ...names: readonly string[]): string {
  return createHash('sha256')
    .update([kind, ...names].join('/'))
    .digest('hex')
    .slice(0, 32);
}

export function roleNamed(name: string): Named {
  return { id: idOf('role', name), name };
}

export function domainNamed(name: string): Named {
  return name === DEFAULT_DOMAIN.name ? DEFAULT_DOMAIN : { id: idOf('domain', name), name };
}

export function projectNamed(name: string, domain: Named): InDomain {
  return { id: idOf('project', domain.name, name), name, domain };
}

/** `user`, `project` and `domain` objects of a login, as Keystone takes them. */
export interface Reference {
  readonly id?: string;
  readonly name?: string;
  readonly domain?: { readonly id?: string; readonly name?: string };
}

function refersTo(reference: Reference, subject: InDomain): boolean {
  if (reference.id !== undefined) return reference.id === subject.id;
  return reference.name === subject.name && refersToDomain(reference.domain ?? {}, subject.domain);
}

function refersToDomain(reference: { id?: string; name?: string }, domain: Named): boolean {
  return reference.id === undefined ? reference.name === domain.name : reference.id === domain.id;
}

/** The users, projects and roles that the fake knows, and who may log in to what. */
export class Directory {
  readonly #users: FakeUser[];
  readonly #credentials: readonly FakeApplicationCredential[];

  constructor(users: readonly FakeUser[], credentials: readonly FakeApplicationCredential[]) {
    this.#users = [...users];
    this.#credentials = credentials;
  }

  /** The user of that name, for tests that issue tokens without a login. */
  user(name: string): FakeUser {
    const user = this.#users.find((candidate) => candidate.name === name);
    if (!user) throw new Error(`The fake Keystone has no user ${name}.`);
    return user;
  }

  setPassword(name: string, password: string): void {
    const user = this.user(name);
    this.#users[this.#users.indexOf(user)] = { ...user, password };
  }

  identityOf(user: FakeUser): InDomain {
    const domain = domainNamed(user.domain ?? DEFAULT_DOMAIN.name);
    return { id: idOf('user', domain.name, user.name), name: user.name, domain };
  }

  /** Undefined when the user is unknown, the password is wrong or there is no role on the scope. */
  loginByPassword(reference: Reference & { readonly password?: string }, wanted: unknown): Grant | undefined {
    const user = this.#users.find((candidate) => refersTo(reference, this.identityOf(candidate)));
    if (!user || reference.password !== user.password) return undefined;
    return this.grant(user, wanted);
  }

  /** Undefined also when a scope is asked for: an application credential has its own. */
  loginByApplicationCredential(
    reference: { id?: string; name?: string; user?: Reference; secret?: string },
    wanted: unknown,
  ): Grant | undefined {
    const credential = this.#credentials.find((candidate) => {
      if (reference.id !== undefined) return reference.id === applicationCredentialId(candidate);
      const owner = this.identityOf(this.user(candidate.user));
      return reference.name === candidate.name && refersTo(reference.user ?? {}, owner);
    });
    if (!credential || reference.secret !== credential.secret || wanted !== undefined) return undefined;
    const notAfterMs = credential.expiresAt?.getTime();
    if (notAfterMs !== undefined && notAfterMs <= Date.now()) return undefined;
    const user = this.identityOf(this.user(credential.user));
    return {
      method: 'application_credential',
      user,
      scope: { kind: 'project', project: projectNamed(credential.project, user.domain) },
      roles: credential.roles.map(roleNamed),
      applicationCredential: { id: applicationCredentialId(credential), name: credential.name },
      ...(notAfterMs === undefined ? {} : { notAfterMs }),
    };
  }

  /** What a login of `user` for the scope `wanted` yields; undefined without a role on it. */
  grant(user: FakeUser, wanted: unknown): Grant | undefined {
    const identity = this.identityOf(user);
    const found = this.#resolveScope(user, identity, wanted);
    if (!found) return undefined;
    return { method: 'password', user: identity, scope: found.scope, roles: found.roles.map(roleNamed) };
  }

  #resolveScope(
    user: FakeUser,
    { domain }: InDomain,
    wanted: unknown,
  ): { scope: Scope; roles: readonly string[] } | undefined {
    const projects = Object.entries(user.projects ?? {}).map(([name, roles]) => ({
      scope: { kind: 'project', project: projectNamed(name, domain) } as const,
      roles,
    }));
    const unscoped = { scope: { kind: 'unscoped' }, roles: [] } as const;
    if (wanted === 'unscoped') return unscoped;
    if (wanted === undefined) {
      return projects.find(({ scope }) => scope.project.name === user.defaultProject) ?? unscoped;
    }
    const scope = wanted as { project?: Reference; domain?: Reference; system?: { all?: boolean } };
    if (scope.project) {
      const { project } = scope;
      return projects.find((candidate) => refersTo(project, candidate.scope.project));
    }
    if (scope.domain && user.domainRoles && refersToDomain(scope.domain, domain)) {
      return { scope: { kind: 'domain', domain }, roles: user.domainRoles };
    }
    if (scope.system?.all === true && user.systemRoles) {
      return { scope: { kind: 'system' }, roles: user.systemRoles };
    }
    return undefined;
  }
}

export function applicationCredentialId(credential: FakeApplicationCredential): string {
  return idOf('application_credential', credential.user, credential.name);
}
