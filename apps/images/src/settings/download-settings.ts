import ipaddr from 'ipaddr.js';
import type { Config, ConfigFault } from '@hallmark/runtime';
import type { UriFilter } from '../domain/uri-filter.ts';

export type Network = readonly [address: ipaddr.IPv4 | ipaddr.IPv6, prefixBits: number];

/** From where web-download takes data, and how long it waits for it. */
export interface DownloadSettings {
  readonly filter: UriFilter;
  /** Taken from although they are not global. */
  readonly allowedNetworks: readonly Network[];
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
  readonly totalTimeoutMs: number;
  readonly maxRedirects: number;
}

export function readDownload(config: Config, filter: UriFilter, faults: ConfigFault[]): DownloadSettings {
  const { images } = config;
  const allowedNetworks = images.download_allowed_networks.flatMap((text): Network[] => {
    const network = networkOf(text);
    if (!network)
      faults.push(
        config.fault('images', 'download_allowed_networks', `"${text}" is no network like 10.1.0.0/16`),
      );
    return network ? [network] : [];
  });
  return {
    filter,
    allowedNetworks,
    connectTimeoutMs: images.download_connect_timeout * 1_000,
    readTimeoutMs: images.download_read_timeout * 1_000,
    totalTimeoutMs: images.download_timeout * 1_000,
    maxRedirects: images.download_max_redirects,
  };
}

function networkOf(text: string): Network | undefined {
  try {
    return ipaddr.parseCIDR(text);
  } catch {
    return undefined;
  }
}
