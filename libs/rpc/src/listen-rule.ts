import { isLoopback, parseListenAddress, type ListenAddress } from '@hallmark/runtime';
import type { MutualTls } from './tls.ts';

/**
 * What between processes of Hallmark holds for every listener: without TLS only loopback.
 *
 * @throws Error that names the option, such as `[instances] data_listen`.
 */
export function listenAddress(option: string, text: string, tls: MutualTls | undefined): ListenAddress {
  const address = parseListenAddress(text);
  if (!tls && !isLoopback(address.host)) {
    throw new Error(
      `${option} = ${text}: without TLS only loopback addresses may be listened on. ` +
        'Set [rpc] cert_file, key_file and ca_file.',
    );
  }
  return address;
}

/** @throws Error when nobody could call. */
export function allowedNames(
  app: string,
  names: readonly string[] | undefined,
  tls: MutualTls | undefined,
): ReadonlySet<string> {
  const allowed = new Set(names);
  if (tls && allowed.size === 0) {
    throw new Error(`[${app}] allowed_clients is empty: with TLS, name the certificates that may call.`);
  }
  return allowed;
}
