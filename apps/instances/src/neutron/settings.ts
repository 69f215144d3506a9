import { readFileSync } from 'node:fs';
import { ConfigError, type Config } from '@hallmark/runtime';

export interface NeutronSettings {
  /** Without a slash or a version at its end. Undefined: Neutron cannot be asked. */
  readonly endpoint: string | undefined;
  readonly timeoutMs: number;
  /** Undefined: those of the system. */
  readonly ca: string | undefined;
}

/** @throws ConfigError */
export function readNeutronSettings(config: Config): NeutronSettings {
  const { endpoint_override: endpoint, cafile, timeout } = config.neutron;
  if (endpoint !== undefined && !/^https?:\/\/[^/?#]/i.test(endpoint)) {
    throw fault(config, 'endpoint_override', 'is no http or https URL');
  }
  let ca: string | undefined;
  try {
    ca = cafile === undefined ? undefined : readFileSync(cafile, 'utf8');
  } catch {
    throw fault(config, 'cafile', `cannot read ${cafile}`);
  }
  // nova.conf names it with or without the version, as Nova's client takes both.
  return { endpoint: endpoint?.replace(/\/*(?:v2\.0)?\/*$/, ''), timeoutMs: timeout * 1_000, ca };
}

const fault = (config: Config, option: 'endpoint_override' | 'cafile', what: string): ConfigError =>
  new ConfigError([{ where: config.where('neutron', option), message: `[neutron] ${option}: ${what}` }]);
