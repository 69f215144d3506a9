import { Counter, Gauge, Histogram, type Logger, type Registry } from '@hallmark/runtime';

/** The login of which of our accounts. */
export type Account = 'validator' | 'service';

/** What is repeated while it lasts is told once in this time. */
const TELL_AGAIN_MS = 60_000;

/** What is worth counting, and what an operator should read. */
export class IdentityEvents {
  readonly #log: Logger;
  readonly #validations: Counter<'result'>;
  readonly #requestSeconds: Histogram<'operation' | 'outcome'>;
  readonly #logins: Counter<'account' | 'outcome'>;
  readonly #lastTold = new Map<string, number>();
  readonly #failing = new Set<Account>();
  #keystoneIsLost = false;

  /** `counts` are looked at when metrics are read. */
  constructor(log: Logger, registry: Registry, counts: { cacheEntries(): number; watchers(): number }) {
    const registers = [registry];
    this.#log = log;
    this.#validations = new Counter({
      name: 'hallmark_identity_validations_total',
      help: 'Tokens validated: from the cache, found valid, found invalid, or not at all because Keystone could not be asked.',
      labelNames: ['result'],
      registers,
    });
    this.#requestSeconds = new Histogram({
      name: 'hallmark_identity_keystone_request_seconds',
      help: 'Time that requests to Keystone took, by operation and by the class of the status or why there was none.',
      labelNames: ['operation', 'outcome'],
      buckets: [0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10],
      registers,
    });
    this.#logins = new Counter({
      name: 'hallmark_identity_logins_total',
      help: 'Logins of the accounts of this process: validator is [keystone_authtoken], service is [vendordata_dynamic_auth].',
      labelNames: ['account', 'outcome'],
      registers,
    });
    new Gauge({
      name: 'hallmark_identity_cache_entries',
      help: 'Validated tokens in memory.',
      registers,
      collect() {
        this.set(counts.cacheEntries());
      },
    });
    new Gauge({
      name: 'hallmark_identity_watchers',
      help: 'Processes that watch for invalidations.',
      registers,
      collect() {
        this.set(counts.watchers());
      },
    });
  }

  validated(result: 'cached' | 'valid' | 'invalid' | 'unavailable'): void {
    this.#validations.inc({ result });
  }

  keystoneAsked(operation: string, outcome: string, seconds: number): void {
    this.#requestSeconds.observe({ operation, outcome }, seconds);
  }

  loggedIn(account: Account): void {
    this.#logins.inc({ account, outcome: 'ok' });
    if (!this.#failing.delete(account)) return;
    // The next failure is news again.
    this.#lastTold.delete(`login ${account} refused`);
    this.#lastTold.delete(`login ${account} unavailable`);
    this.#log.info({ account }, 'login to Keystone works again');
  }

  /** `refused` lasts until somebody acts; an outage may pass by itself. */
  loginFailed(account: Account, kind: 'refused' | 'unavailable', cause: unknown): void {
    this.#logins.inc({ account, outcome: kind });
    this.#failing.add(account);
    this.#tell(`login ${account} ${kind}`, () => {
      if (kind === 'refused') {
        this.#log.error({ account, err: cause }, 'Keystone refuses the login of an account of Hallmark');
      } else this.#log.warn({ account, err: cause }, 'cannot log in to Keystone');
    });
  }

  validatorForbidden(): void {
    this.#tell('validator forbidden', () => {
      this.#log.error(
        'Keystone does not let the account in [keystone_authtoken] validate tokens: it needs the role "service" or "admin" on the project it is scoped to',
      );
    });
  }

  validatorRejected(): void {
    this.#tell('validator rejected', () => {
      this.#log.error(
        'Keystone does not accept the token that it just gave to the account in [keystone_authtoken]',
      );
    });
  }

  keystoneLost(): void {
    if (this.#keystoneIsLost) return;
    this.#keystoneIsLost = true;
    this.#log.warn('Keystone does not answer: tokens that are not in the cache cannot be validated');
  }

  keystoneBack(): void {
    this.#keystoneIsLost = false;
    this.#log.info('Keystone answers again');
  }

  /** A service token without any of the roles, where none is required. */
  roleless(userName: string): void {
    this.#tell('roleless', () => {
      this.#log.warn(
        { user: userName },
        'a service token carries none of [keystone_authtoken] service_token_roles; it is accepted because service_token_roles_required is off',
      );
    });
  }

  withoutServiceToken(): void {
    this.#log.warn(
      '[vendordata_dynamic_auth] auth_type is not set: vendordata targets get no token and cannot tell that the cloud is asking',
    );
  }

  #tell(what: string, write: () => void): void {
    const now = performance.now();
    if (now - (this.#lastTold.get(what) ?? -Infinity) < TELL_AGAIN_MS) return;
    this.#lastTold.set(what, now);
    write();
  }
}
