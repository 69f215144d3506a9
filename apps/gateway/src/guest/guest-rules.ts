import { readFileSync } from 'node:fs';
import { ConfigError, type Config, type ConfigFault } from '@hallmark/runtime';
import type { ClaimRules } from './claims.ts';
import type { Rate } from './rate-limit.ts';
import { SessionTokens } from './session-tokens.ts';
import { SharedSecrets } from './shared-secrets.ts';

/** What a new configuration may change while the listener is up. */
export interface GuestRules extends ClaimRules {
  readonly rate: Rate;
  /** Undefined: there are none. */
  readonly tokens: SessionTokens | undefined;
  readonly tokenRequired: boolean;
  /** Longest wait for a change. */
  readonly waitMs: number;
  readonly maxWaiters: number;
  /** Longest waits for instances: for a record, and for Neutron behind it. */
  readonly lookupTimeoutMs: number;
  readonly locateTimeoutMs: number;
}

/**
 * Just below the 10 s that cloud-init waits; what a look-up waits for its turn comes before (`turns.ts`). After a wait
 * for a change it is still below what Neutron's proxies wait, if it is its turn at once.
 */
const LOOKUP_TIMEOUT_MS = 9_000;
/** An address takes Neutron two requests: subnets and ports. */
const NEUTRON_REQUESTS = 2;

/** @throws ConfigError with everything that is wrong with how guests are to be known. */
export function guestRulesOf(config: Config): GuestRules {
  const faults: ConfigFault[] = [];
  const secrets = secretsIn(config, faults);
  faults.push(...faultsOf(config, secrets));
  if (faults.length > 0) throw new ConfigError(faults);

  const options = config.gateway_guest;
  return {
    proxied: config.neutron.service_metadata_proxy,
    // Nova's empty secret is a key like any other; it is one of ours only when it is the only one.
    secrets: new SharedSecrets(isFilled(secrets) ? secrets : ['']),
    secret: isFilled(secrets),
    rate: { perSecond: options.rate_limit, burst: options.rate_burst },
    tokens: options.session_tokens !== 'off' && isFilled(secrets) ? new SessionTokens(secrets) : undefined,
    tokenRequired: options.session_tokens === 'required',
    waitMs: options.wait_timeout * 1_000,
    maxWaiters: options.max_waiters,
    lookupTimeoutMs: LOOKUP_TIMEOUT_MS,
    locateTimeoutMs: config.neutron.timeout * NEUTRON_REQUESTS * 1_000,
  };
}

function faultsOf(config: Config, secrets: readonly string[]): ConfigFault[] {
  const { allow_empty_secret, remote_address_mode, session_tokens } = config.gateway_guest;
  const proxied = config.neutron.service_metadata_proxy;
  const faults: ConfigFault[] = [];
  if (config.rpc.instances_endpoints.length === 0) {
    faults.push(
      config.fault('gateway_guest', 'listen', 'guests cannot be answered without [rpc] instances_endpoints'),
    );
  }
  if (!proxied && !remote_address_mode) {
    faults.push(
      config.fault(
        'gateway_guest',
        'listen',
        'nothing says how guests are known: set [neutron] service_metadata_proxy, or remote_address_mode',
      ),
    );
  }
  if (proxied && !isFilled(secrets) && !allow_empty_secret) {
    faults.push(
      config.fault(
        'neutron',
        'metadata_proxy_shared_secret',
        'is empty, so anyone who reaches the listener may pose as any guest; allow_empty_secret in [gateway_guest] allows that',
      ),
    );
  }
  if (session_tokens === 'required' && !isFilled(secrets)) {
    faults.push(
      config.fault(
        'gateway_guest',
        'session_tokens',
        'required needs [neutron] metadata_proxy_shared_secret or shared_secrets_file, of which tokens are made',
      ),
    );
  }
  return faults;
}

/** All secrets that are one, each once; the first is the one that new tokens are made with. */
function secretsIn(config: Config, faults: ConfigFault[]): readonly string[] {
  const { shared_secrets_file: path } = config.gateway_guest;
  const secrets = [config.neutron.metadata_proxy_shared_secret];
  if (path !== undefined) {
    try {
      secrets.push(
        ...readFileSync(path, 'utf8')
          .split('\n')
          .map((line) => line.trim()),
      );
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      faults.push(config.fault('gateway_guest', 'shared_secrets_file', `cannot be read: ${why}`));
    }
  }
  return [...new Set(secrets.filter((secret) => secret !== ''))];
}

const isFilled = (secrets: readonly string[]): secrets is readonly [string, ...string[]] =>
  secrets.length > 0;
