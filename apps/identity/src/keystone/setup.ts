import { createHash } from 'node:crypto';
import { ConfigError, type AuthSection, type Config, type ConfigFault } from '@hallmark/runtime';
import type { ServiceTokenRules } from '../domain/service-token-rules.ts';
import { readCertificates } from './certificates.ts';
import type { ConnectionOptions } from './connection.ts';
import { planLogin, type LoginPlan } from './login-plan.ts';

/** One of our accounts: how it logs in, and over which connection. */
export interface AccountSetup {
  /** The section that holds the login, after `auth_section` was followed. */
  readonly section: string;
  readonly plan: LoginPlan;
  readonly connection: ConnectionOptions;
}

/** The configuration of this app, understood. */
export interface IdentitySetup {
  /** Validates tokens: `[keystone_authtoken]`. */
  readonly validator: AccountSetup;
  /** Shown to targets: `[vendordata_dynamic_auth]`. Undefined: they get no token. */
  readonly service: AccountSetup | undefined;
  readonly rules: ServiceTokenRules;
  readonly believeForMs: number;
  readonly cacheMaxEntries: number;
  /** Another one when validations made before may no longer hold. */
  readonly epoch: string;
}

/** Whatever `token_cache_time` says, a revoked token is not believed for longer. */
const LONGEST_BELIEF_SECONDS = 300;
/** As keystonemiddleware's default; `[vendordata_dynamic_auth]` has no option for it. */
const SERVICE_RETRIES = 3;

/** @throws ConfigError with everything that is wrong with the two logins. */
export function readSetup(config: Config): IdentitySetup {
  const { keystone_authtoken: middleware, identity } = config;
  const faults: ConfigFault[] = [];
  const validator = readAccount('keystone_authtoken', config, faults, {
    retries: middleware.http_request_max_retries,
    connectTimeoutMs: seconds(middleware.http_connect_timeout),
  });
  const wantsService = Boolean(config.auth('vendordata_dynamic_auth').auth_type);
  const service = wantsService
    ? readAccount('vendordata_dynamic_auth', config, faults, { retries: SERVICE_RETRIES })
    : undefined;
  if (faults.length > 0 || !validator) throw new ConfigError(faults);
  const rules = {
    roles: middleware.service_token_roles,
    rolesRequired: middleware.service_token_roles_required,
  };
  const believeForMs = Math.max(0, Math.min(middleware.token_cache_time, LONGEST_BELIEF_SECONDS)) * 1000;
  return {
    validator,
    service,
    rules,
    believeForMs,
    cacheMaxEntries: identity.cache_max_entries,
    epoch: epochOf(validator.plan, rules, believeForMs),
  };
}

function readAccount(
  section: AuthSection,
  config: Config,
  faults: ConfigFault[],
  limits: Pick<ConnectionOptions, 'retries' | 'connectTimeoutMs'>,
): AccountSetup | undefined {
  const options = config.auth(section);
  const planned = planLogin(options);
  if (planned.kind === 'faults') {
    for (const { option, message } of planned.faults) {
      faults.push(loginFault(config, section, options.section, option, message));
    }
  }
  const connection: ConnectionOptions = {
    ...limits,
    timeoutMs: seconds(options.timeout) ?? config.identity.keystone_timeout * 1000,
    insecure: options.insecure,
    ...readCertificates(options, (option, message) => faults.push(config.fault(section, option, message))),
  };
  return planned.kind === 'plan' ? { section: options.section, plan: planned.plan, connection } : undefined;
}

/** Milliseconds. Zero is no time to wait but no limit of one's own, as is an option that is not set. */
function seconds(option: number | undefined): number | undefined {
  return option === undefined || option === 0 ? undefined : option * 1000;
}

/** Nobody wrote an option that is missing; the operator is led to one that stands where it belongs. */
function loginFault(
  config: Config,
  section: AuthSection,
  followed: string,
  option: string,
  message: string,
): ConfigFault {
  const places = [
    config.where(followed, option),
    config.where(followed, 'auth_type'),
    config.where(section, 'auth_section'),
  ];
  const where = places.find((place) => place !== 'default') ?? 'default';
  return { where, message: `${where}: [${followed}] ${option}: ${message}` };
}

/** Of everything on which a validation rests, without the secret. */
function epochOf(plan: LoginPlan, rules: ServiceTokenRules, believeForMs: number): string {
  const ground = JSON.stringify({ plan, rules, believeForMs }, (key, value: unknown) =>
    ['password', 'secret'].includes(key) && typeof value === 'string' ? undefined : value,
  );
  return createHash('sha256').update(ground).digest('hex').slice(0, 16);
}
