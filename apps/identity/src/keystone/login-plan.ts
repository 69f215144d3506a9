import { faultOfAuthUrl, loginUrl, type LoginUrl } from './login-url.ts';

/** The plug-in options of a section, under keystoneauth's names. */
export interface LoginOptions {
  readonly auth_type?: string | undefined;
  readonly auth_url?: string | undefined;
  readonly username?: string | undefined;
  readonly user_id?: string | undefined;
  readonly password?: string | undefined;
  readonly user_domain_id?: string | undefined;
  readonly user_domain_name?: string | undefined;
  readonly project_id?: string | undefined;
  readonly project_name?: string | undefined;
  readonly project_domain_id?: string | undefined;
  readonly project_domain_name?: string | undefined;
  readonly domain_id?: string | undefined;
  readonly domain_name?: string | undefined;
  readonly system_scope?: string | undefined;
  readonly trust_id?: string | undefined;
  readonly default_domain_id?: string | undefined;
  readonly default_domain_name?: string | undefined;
  readonly application_credential_id?: string | undefined;
  readonly application_credential_name?: string | undefined;
  readonly application_credential_secret?: string | undefined;
}

export type LoginOption = keyof LoginOptions;

export interface LoginFault {
  readonly option: LoginOption;
  /** Continues "[section] option". */
  readonly message: string;
}

/** Everything that a login needs, ready to be sent. */
export interface LoginPlan {
  readonly url: LoginUrl;
  /** The body of `POST /v3/auth/tokens`. Holds the secret. */
  readonly request: LoginRequest;
}

export type Planned =
  | { readonly kind: 'plan'; readonly plan: LoginPlan }
  | { readonly kind: 'faults'; readonly faults: readonly LoginFault[] };

type Ref = { readonly id: string } | { readonly name: string };
type RefInDomain = { readonly id: string } | { readonly name: string; readonly domain: Ref };

type Scope =
  | { readonly project: RefInDomain }
  | { readonly domain: Ref }
  | { readonly system: { readonly all: true } }
  | { readonly 'OS-TRUST:trust': { readonly id: string } };

type Identity =
  | {
      readonly methods: readonly ['password'];
      readonly password: { readonly user: RefInDomain & { readonly password: string } };
    }
  | {
      readonly methods: readonly ['application_credential'];
      readonly application_credential: (
        { readonly id: string } | { readonly name: string; readonly user: RefInDomain }
      ) & {
        readonly secret: string;
      };
    };

export interface LoginRequest {
  readonly auth: { readonly identity: Identity; readonly scope?: Scope };
}

const PLUGINS = ['password', 'v3password', 'v3applicationcredential'] as const;
type Plugin = (typeof PLUGINS)[number];

/** Options that choose a scope, each with what it chooses. */
const SCOPE_OPTIONS = {
  project_id: 'project',
  project_name: 'project',
  domain_id: 'domain',
  domain_name: 'domain',
  system_scope: 'system',
  trust_id: 'trust',
} as const satisfies Partial<Record<LoginOption, string>>;

/**
 * How to log in with the options of a section, as keystoneauth's plug-ins would, or everything
 * that is wrong with them. Where id and name of the same thing are given, the id counts.
 */
export function planLogin(options: LoginOptions): Planned {
  const planner = new Planner(options);
  const plan = planner.plan();
  return plan && planner.faults.length === 0
    ? { kind: 'plan', plan }
    : { kind: 'faults', faults: planner.faults };
}

/** Collects faults while it goes on, so that an operator sees all of them at once. */
class Planner {
  readonly faults: LoginFault[] = [];
  readonly #options: LoginOptions;

  constructor(options: LoginOptions) {
    this.#options = options;
  }

  plan(): LoginPlan | undefined {
    const plugin = this.#plugin();
    if (!plugin) return undefined;
    const url = this.#url(plugin);
    const request =
      plugin === 'v3applicationcredential' ? this.#byApplicationCredential() : this.#byPassword(plugin);
    return url && request && { url, request };
  }

  /** An empty value is no value, as for keystoneauth. */
  #get(option: LoginOption): string | undefined {
    const value = this.#options[option];
    return value === '' ? undefined : value;
  }

  #fault(option: LoginOption, message: string): void {
    this.faults.push({ option, message });
  }

  #required(option: LoginOption, why: string): string | undefined {
    const value = this.#get(option);
    if (value === undefined) this.#fault(option, `is required ${why}`);
    return value;
  }

  #plugin(): Plugin | undefined {
    const name = this.#get('auth_type');
    const plugin = PLUGINS.find((candidate) => candidate === name);
    if (plugin) return plugin;
    const known = PLUGINS.join(', ');
    this.#fault(
      'auth_type',
      name === undefined
        ? `is required; it is one of ${known}`
        : `"${name}" is no plug-in that Hallmark can log in with; use one of ${known}`,
    );
    return undefined;
  }

  #url(plugin: Plugin): LoginUrl | undefined {
    const authUrl = this.#required('auth_url', 'to find Keystone');
    if (authUrl === undefined) return undefined;
    const fault = faultOfAuthUrl(authUrl);
    if (fault === undefined) return loginUrl(authUrl, plugin === 'password' ? 'generic' : 'versioned');
    this.#fault('auth_url', fault);
    return undefined;
  }

  #byPassword(plugin: Plugin): LoginRequest | undefined {
    const withDefault = plugin === 'password';
    const why = `by auth_type = ${plugin}`;
    const user = this.#user(withDefault, `${why}, unless user_id is set`);
    const password = this.#required('password', why);
    const scoped = this.#scope(withDefault);
    if (!user || password === undefined || !scoped) return undefined;
    const identity: Identity = { methods: ['password'], password: { user: { ...user, password } } };
    return { auth: { identity, ...scoped } };
  }

  #byApplicationCredential(): LoginRequest | undefined {
    const why = 'by auth_type = v3applicationcredential';
    const id = this.#get('application_credential_id');
    const name = this.#get('application_credential_name');
    const secret = this.#required('application_credential_secret', why);
    for (const option of this.#scopeOptionsSet()) {
      this.#fault(option, 'has no place beside an application credential, which brings its own project');
    }
    if (id === undefined && name === undefined) {
      this.#fault(
        'application_credential_id',
        `is required ${why}, unless application_credential_name is set`,
      );
    }
    if (id !== undefined) {
      return secret === undefined ? undefined : applicationCredentialRequest({ id, secret });
    }
    if (name === undefined) return undefined;
    const user = this.#user(false, 'with application_credential_name, unless user_id is set');
    return user && secret !== undefined ? applicationCredentialRequest({ name, user, secret }) : undefined;
  }

  #user(withDefaultDomain: boolean, why: string): RefInDomain | undefined {
    const id = this.#get('user_id');
    if (id !== undefined) return { id };
    const name = this.#required('username', why);
    const domain = this.#domain('user', withDefaultDomain);
    if (name === undefined) return undefined;
    if (domain) return { name, domain };
    this.#fault(
      'user_domain_name',
      'is required beside username, which means something only in its domain (user_domain_id will do as well)',
    );
    return undefined;
  }

  #domain(of: 'user' | 'project', withDefault: boolean): Ref | undefined {
    return (
      ref(this.#get(`${of}_domain_id`), this.#get(`${of}_domain_name`)) ??
      (withDefault ? ref(this.#get('default_domain_id'), this.#get('default_domain_name')) : undefined)
    );
  }

  #scopeOptionsSet(): (keyof typeof SCOPE_OPTIONS)[] {
    const options = Object.keys(SCOPE_OPTIONS) as (keyof typeof SCOPE_OPTIONS)[];
    return options.filter((option) => this.#get(option) !== undefined);
  }

  /** Without any of the options it is empty: Keystone then takes the user's default project. */
  #scope(withDefaultDomain: boolean): { readonly scope?: Scope } | undefined {
    const set = this.#scopeOptionsSet();
    const first = set[0];
    if (first === undefined) return {};
    const other = set.find((option) => SCOPE_OPTIONS[option] !== SCOPE_OPTIONS[first]);
    if (other !== undefined) {
      this.#fault(other, `contradicts ${first}: a token has one scope`);
      return undefined;
    }
    switch (SCOPE_OPTIONS[first]) {
      case 'project':
        return this.#projectScope(withDefaultDomain);
      case 'domain': {
        const domain = ref(this.#get('domain_id'), this.#get('domain_name'));
        return domain && { scope: { domain } };
      }
      case 'system':
        if (this.#get('system_scope') === 'all') return { scope: { system: { all: true } } };
        this.#fault('system_scope', 'can only be "all"');
        return undefined;
      case 'trust':
        return { scope: { 'OS-TRUST:trust': { id: this.#get('trust_id') ?? '' } } };
    }
  }

  #projectScope(withDefaultDomain: boolean): { readonly scope: Scope } | undefined {
    const id = this.#get('project_id');
    if (id !== undefined) return { scope: { project: { id } } };
    const name = this.#get('project_name');
    const domain = this.#domain('project', withDefaultDomain);
    if (name !== undefined && domain) return { scope: { project: { name, domain } } };
    this.#fault(
      'project_domain_name',
      'is required beside project_name, which means something only in its domain (project_domain_id will do as well)',
    );
    return undefined;
  }
}

function ref(id: string | undefined, name: string | undefined): Ref | undefined {
  if (id !== undefined) return { id };
  return name === undefined ? undefined : { name };
}

function applicationCredentialRequest(
  credential: Extract<Identity, { application_credential: unknown }>['application_credential'],
): LoginRequest {
  return { auth: { identity: { methods: ['application_credential'], application_credential: credential } } };
}
