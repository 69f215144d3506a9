import { Container, HOST_FROM_CONTAINERS } from './containers.ts';

const PORT = 5000;
const DEFAULT_DOMAIN = { id: 'default' };
const ADMIN_MARGIN_MS = 5_000;

export interface KeystoneUser {
  readonly name: string;
  readonly password: string;
  readonly project: string;
}

/** The users that the image is seeded with. All are of the domain `default`. */
export const KEYSTONE_USERS = {
  admin: { name: 'admin', password: 'admin-password', project: 'admin' },
  /** Nova's service account: role `service` in project `service`. */
  nova: { name: 'nova', password: 'nova-password', project: 'service' },
  /** The account that Hallmark logs in with: role `service` in project `service`. */
  hallmark: { name: 'hallmark', password: 'hallmark-password', project: 'service' },
  /** An ordinary user: role `member` in project `demo`. */
  member: { name: 'member', password: 'member-password', project: 'demo' },
} satisfies Record<string, KeystoneUser>;

export interface KeystoneOptions {
  /** `[token] expiration`. Default: Keystone's own, an hour. */
  readonly tokenExpirationSeconds?: number;
  /** `[token] allow_expired_window`. Default: Keystone's own, two days. */
  readonly allowExpiredWindowSeconds?: number;
}

export interface IssuedToken {
  readonly token: string;
  readonly userId: string;
  readonly projectId: string;
  readonly expiresAt: Date;
}

export interface TokenOwner {
  readonly name: string;
  readonly roles: readonly string[];
  readonly expiresAt: Date;
}

interface TokenBody {
  readonly token: {
    readonly user: { readonly id: string; readonly name: string };
    readonly project: { readonly id: string };
    readonly roles: readonly { readonly name: string }[];
    readonly expires_at: string;
  };
}
type Listed = Record<string, readonly { readonly id: string }[]>;

/** Real Keystone, with the users of `KEYSTONE_USERS`; `container` stops and starts it. */
export class KeystoneServer implements AsyncDisposable {
  readonly container: Container;
  readonly url: string;
  /** The same Keystone, as other containers reach it. */
  readonly urlFromContainers: string;
  #admin: IssuedToken | undefined;

  private constructor(container: Container) {
    this.container = container;
    this.url = urlOf(container);
    this.urlFromContainers = `http://${HOST_FROM_CONTAINERS}:${container.port(PORT)}`;
  }

  static async start(options: KeystoneOptions = {}): Promise<KeystoneServer> {
    const container = await Container.start({
      image: 'keystone',
      ports: [PORT],
      environment: environmentOf(options),
      ready: async (started) => {
        const answer = await fetch(`${urlOf(started)}/v3`);
        if (!answer.ok) throw new Error(`Keystone answers ${answer.status}.`);
      },
    });
    return new KeystoneServer(container);
  }

  /** A project-scoped token. */
  async issueToken(user: KeystoneUser): Promise<IssuedToken> {
    const identity = {
      methods: ['password'],
      password: { user: { name: user.name, password: user.password, domain: DEFAULT_DOMAIN } },
    };
    const scope = { project: { name: user.project, domain: DEFAULT_DOMAIN } };
    const answer = await this.#call('POST', '/v3/auth/tokens', { auth: { identity, scope } });
    const { token } = (await answer.json()) as TokenBody;
    return {
      token: answer.headers.get('x-subject-token') ?? '',
      userId: token.user.id,
      projectId: token.project.id,
      expiresAt: new Date(token.expires_at),
    };
  }

  /** Makes a user of the domain `default`, and the project and roles it names where they are missing. */
  async createUser<User extends KeystoneUser & { readonly roles: readonly string[] }>(
    user: User,
  ): Promise<User> {
    const project = await this.#idOf('project', user.project);
    const userId = await this.#create('user', { name: user.name, password: user.password });
    for (const role of user.roles) {
      const path = `/v3/projects/${project}/users/${userId}/roles/${await this.#idOf('role', role)}`;
      await this.#callAsAdmin('PUT', path);
    }
    return user;
  }

  /** An application credential of `user`, as `v3applicationcredential` takes it. */
  async createApplicationCredential(
    user: KeystoneUser,
    name: string,
  ): Promise<{ readonly id: string; readonly secret: string }> {
    const { token, userId } = await this.issueToken(user);
    const body = { application_credential: { name } };
    const answer = await this.#call('POST', `/v3/users/${userId}/application_credentials`, body, token);
    const made = (await answer.json()) as { application_credential: { id: string; secret: string } };
    return made.application_credential;
  }

  /** Disabling a user ends all of their tokens, also when they are enabled again. */
  async setUserEnabled(user: KeystoneUser, enabled: boolean): Promise<void> {
    const id = await this.#idOf('user', user.name);
    await this.#callAsAdmin('PATCH', `/v3/users/${id}`, { user: { enabled } });
  }

  /** Whose token it is, as Keystone sees it now; `undefined` when it is no longer valid. */
  async ownerOf(token: string): Promise<TokenOwner | undefined> {
    return await this.#describe(token, '?nocatalog');
  }

  /** When a token ends or has ended. */
  async expiryOf(token: string): Promise<Date> {
    const owner = await this.#describe(token, '?nocatalog&allow_expired=1');
    if (owner === undefined) throw new Error('Keystone does not know this token.');
    return owner.expiresAt;
  }

  async #describe(token: string, query: string): Promise<TokenOwner | undefined> {
    const answer = await fetch(`${this.url}/v3/auth/tokens${query}`, {
      headers: { 'X-Auth-Token': await this.#adminToken(), 'X-Subject-Token': token },
    });
    if (answer.status === 404) return undefined;
    const { token: body } = (await answer.json()) as TokenBody;
    return {
      name: body.user.name,
      roles: body.roles.map(({ name }) => name),
      expiresAt: new Date(body.expires_at),
    };
  }

  async revoke(token: string): Promise<void> {
    await this.#call('DELETE', '/v3/auth/tokens', undefined, token, { 'X-Subject-Token': token });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.container[Symbol.asyncDispose]();
  }

  async #idOf(kind: 'project' | 'role' | 'user', name: string): Promise<string> {
    const answer = await this.#callAsAdmin('GET', `/v3/${kind}s?name=${encodeURIComponent(name)}`);
    const [found] = ((await answer.json()) as Listed)[`${kind}s`] ?? [];
    return found?.id ?? (await this.#create(kind, { name }));
  }

  async #create(kind: 'project' | 'role' | 'user', fields: Record<string, string>): Promise<string> {
    const domain = kind === 'role' ? {} : { domain_id: DEFAULT_DOMAIN.id };
    const answer = await this.#callAsAdmin('POST', `/v3/${kind}s`, { [kind]: { ...fields, ...domain } });
    const made = ((await answer.json()) as Record<string, { readonly id: string }>)[kind];
    if (made === undefined) throw new Error(`Keystone made no ${kind}.`);
    return made.id;
  }

  async #callAsAdmin(method: string, path: string, body?: unknown): Promise<Response> {
    return await this.#call(method, path, body, await this.#adminToken());
  }

  /** One login serves many calls, as long as it has some life left. */
  async #adminToken(): Promise<string> {
    if (this.#admin === undefined || this.#admin.expiresAt.getTime() < Date.now() + ADMIN_MARGIN_MS) {
      this.#admin = await this.issueToken(KEYSTONE_USERS.admin);
    }
    return this.#admin.token;
  }

  async #call(
    method: string,
    path: string,
    body?: unknown,
    token?: string,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const answer = await fetch(this.url + path, {
      method,
      headers: {
        'Content-Type': 'application/json',
        ...(token ? { 'X-Auth-Token': token } : {}),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  }
}

const urlOf = (container: Container): string => `http://${container.host}:${container.port(PORT)}`;

/** oslo.config reads an option of any service from `OS_<GROUP>__<OPTION>`. */
function environmentOf(options: KeystoneOptions): Record<string, string> {
  const environment: Record<string, string> = {};
  const { tokenExpirationSeconds, allowExpiredWindowSeconds } = options;
  if (tokenExpirationSeconds !== undefined) {
    environment['OS_TOKEN__EXPIRATION'] = String(tokenExpirationSeconds);
  }
  if (allowExpiredWindowSeconds !== undefined) {
    environment['OS_TOKEN__ALLOW_EXPIRED_WINDOW'] = String(allowExpiredWindowSeconds);
  }
  return environment;
}

export async function startKeystone(options: KeystoneOptions = {}): Promise<KeystoneServer> {
  return await KeystoneServer.start(options);
}
