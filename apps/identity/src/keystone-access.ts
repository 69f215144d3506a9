import { ValidatedTokenCache } from './cache/validated-token-cache.ts';
import { StandingLogin } from './domain/standing-login.ts';
import type { TokenDigest } from './domain/token-digest.ts';
import { TokenValidator } from './domain/token-validator.ts';
import type { Account, IdentityEvents } from './events.ts';
import { KeystoneAuthority } from './keystone/authority.ts';
import { KeystoneConnection } from './keystone/connection.ts';
import { KeystoneLogin } from './keystone/login.ts';
import type { AccountSetup, IdentitySetup } from './keystone/setup.ts';

export interface AccessParts {
  readonly events: IdentityEvents;
  readonly now: () => number;
  readonly version: () => number;
  readonly foundInvalid: (digest: TokenDigest, wasKnown: boolean) => void;
}

interface AccountInUse {
  readonly connection: KeystoneConnection;
  readonly login: KeystoneLogin;
  readonly standing: StandingLogin;
}

/** All that rests on one configuration: the two accounts, and what was learnt from Keystone. */
export class KeystoneAccess implements AsyncDisposable {
  readonly validator: TokenValidator;
  readonly #known: ValidatedTokenCache;
  readonly #validatorAccount: AccountInUse;
  readonly #serviceAccount: AccountInUse | undefined;

  constructor(setup: IdentitySetup, { events, ...parts }: AccessParts) {
    const open = (account: Account, { section, plan, connection: options }: AccountSetup): AccountInUse => {
      const connection = new KeystoneConnection(options, (...asked) => events.keystoneAsked(...asked));
      const login = new KeystoneLogin(section, plan, connection);
      const standing = new StandingLogin(async () => login.logIn(), parts.now, {
        loggedIn: () => events.loggedIn(account),
        loginFailed: (failure, cause) => events.loginFailed(account, failure, cause),
      });
      // At once, so that an operator learns of a bad login before the first caller does.
      standing.begin();
      return { connection, login, standing };
    };
    this.#known = new ValidatedTokenCache(setup.cacheMaxEntries);
    this.#validatorAccount = open('validator', setup.validator);
    this.#serviceAccount = setup.service && open('service', setup.service);
    const { connection, login, standing } = this.#validatorAccount;
    this.validator = new TokenValidator({
      ...parts,
      authority: new KeystoneAuthority(connection, login, standing, events),
      known: this.#known,
      rules: setup.rules,
      believeForMs: setup.believeForMs,
      events,
    });
  }

  /** The account that is shown to targets. Undefined: they get no token. */
  get serviceLogin(): StandingLogin | undefined {
    return this.#serviceAccount?.standing;
  }

  get cacheEntries(): number {
    return this.#known.size;
  }

  /** Whether the validator has ever logged in. */
  get hasLoggedIn(): boolean {
    return this.#validatorAccount.standing.hasToken;
  }

  /** Ends it while callers still wait for answers: those on their way are let through. */
  async retire(): Promise<void> {
    for (const { standing } of this.#accounts()) standing[Symbol.dispose]();
    await Promise.all(this.#accounts().map(({ connection }) => connection.drain()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { standing } of this.#accounts()) standing[Symbol.dispose]();
    await Promise.all(this.#accounts().map(({ connection }) => connection[Symbol.asyncDispose]()));
  }

  #accounts(): AccountInUse[] {
    return this.#serviceAccount ? [this.#validatorAccount, this.#serviceAccount] : [this.#validatorAccount];
  }
}
