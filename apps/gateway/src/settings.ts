import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import { ConfigError, type Config } from '@hallmark/runtime';
import type { BootRules } from './boot/boot-routes.ts';
import type { Certificate } from './http/listeners.ts';
import type { ImageRules } from './image/image-listener.ts';
import type { NovaRules } from './nova/admit.ts';

/** So that vendordata's own word about a time-out arrives before ours. */
const RESOLVE_MARGIN_SECONDS = 0.25;
/** What is left for our own answer of the time that Nova waits. */
const ANSWER_MARGIN_SECONDS = 0.5;

export function novaRulesOf(config: Config): NovaRules {
  const { service_roles: serviceRoles, allowed_users: allowedUsers } = config.vendordata_endpoint;
  const patience = config.api.vendordata_dynamic_read_timeout - ANSWER_MARGIN_SECONDS;
  const resolveTimeout = config.vendordata.resolve_timeout ?? Math.max(patience, ANSWER_MARGIN_SECONDS);
  return {
    callers: { serviceRoles: new Set(serviceRoles), allowedUsers: new Set(allowedUsers) },
    timeoutMs: (resolveTimeout + RESOLVE_MARGIN_SECONDS) * 1_000,
  };
}

export function bootRulesOf(config: Config): BootRules {
  const { reader_roles, writer_roles, admin_roles, timeout } = config.boot_api;
  const lowered = (roles: readonly string[]) => new Set(roles.map((role) => role.toLowerCase()));
  return {
    callers: {
      readerRoles: lowered(reader_roles),
      writerRoles: lowered(writer_roles),
      adminRoles: lowered(admin_roles),
    },
    timeoutMs: timeout * 1_000,
  };
}

/**
 * How the Image API is answered; undefined: there is none.
 *
 * @throws ConfigError when there is nobody to answer it.
 */
export function imageRulesOf(config: Config): ImageRules | undefined {
  const { listen, max_body_bytes: maxBodyBytes, timeout } = config.gateway_image;
  if (listen.length === 0) return undefined;
  if (config.rpc.images_endpoints.length === 0) {
    throw new ConfigError([
      config.fault(
        'gateway_image',
        'listen',
        'the Image API cannot be answered without [rpc] images_endpoints',
      ),
    ]);
  }
  return {
    maxBodyBytes,
    timeoutMs: timeout * 1_000,
    publicUrl: config.DEFAULT.public_endpoint?.replace(/\/+$/, ''),
  };
}

/** `WWW-Authenticate` as keystonemiddleware writes it: where to get a token. */
export function challengeOf(config: Config): string {
  const uri = config.keystone_authtoken.www_authenticate_uri ?? config.auth('keystone_authtoken').auth_url;
  return uri === undefined ? 'Keystone' : `Keystone uri="${uri.replaceAll('"', '%22')}"`;
}

/**
 * The certificate of a listener; undefined for plain HTTP.
 *
 * @throws ConfigError when the files cannot be read, or are not a certificate and its key.
 */
export function certificateOf(
  config: Config,
  listener: 'gateway_nova' | 'gateway_guest' | 'gateway_image',
): Certificate | undefined {
  const { cert_file: certFile, key_file: keyFile } = config[listener];
  if (certFile === undefined || keyFile === undefined) return undefined;
  try {
    const certificate = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
    createSecureContext(certificate);
    return certificate;
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new ConfigError([config.fault(listener, 'cert_file', `cannot be used with key_file: ${why}`)]);
  }
}

/** Options of the gateway that are read once, with those that runApp warns of itself. */
const FIXED_AT_START = [
  ['gateway', 'cache_max_bytes'],
  ['gateway', 'lost_watch_ttl'],
  ['gateway_nova', 'max_body_bytes'],
  ['rpc', 'identity_endpoints'],
  ['rpc', 'vendordata_endpoints'],
  ['rpc', 'instances_endpoints'],
  ['rpc', 'instances_data_endpoints'],
  ['rpc', 'images_endpoints'],
  ['rpc', 'images_data_endpoints'],
  ['rpc', 'connections'],
] as const;

/** A sentence for each option that was changed but keeps its value until a restart. */
export function restartNeeds(before: Config, after: Config): string[] {
  const changed = FIXED_AT_START.filter(([section, option]) => {
    const [was, is] = [before, after].map((config) =>
      new Map(Object.entries<unknown>(config[section])).get(option),
    );
    return !isDeepStrictEqual(was, is);
  });
  return changed.map(
    ([section, option]) =>
      `${after.where(section, option)}: [${section}] ${option} takes effect after a restart`,
  );
}
