import { invalid, type HallmarkError } from '@hallmark/errors';

/** `[import_filtering_opts]`: at each level, what is allowed beats what is disallowed. */
export interface UriFilter {
  readonly allowedSchemes: readonly string[];
  readonly disallowedSchemes: readonly string[];
  readonly allowedHosts: readonly string[];
  readonly disallowedHosts: readonly string[];
  readonly allowedPorts: readonly number[];
  readonly disallowedPorts: readonly number[];
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

/**
 * Whether web-download may ask a URL, by its text alone. Hosts are compared as they will be asked:
 * `URL` writes every spelling of an IPv4 address in one way. Which address a name has is judged
 * when it is asked, each time.
 *
 * @throws HallmarkError `URI_REFUSED`
 */
export function requireAllowedUri(text: string | undefined, filter: UriFilter): URL {
  const refused = (): Error => uriRefused(text === undefined ? 'None' : withoutSecrets(text));
  const url = URL.parse(text ?? '');
  if (!url || !passes(url, filter)) throw refused();
  return url;
}

export const uriRefused = (shown: string): HallmarkError =>
  invalid('URI_REFUSED', `URI for web-download does not pass filtering: ${shown}`);

/** A URL without user, password and query, any of which may be a key to what is there. */
export function withoutSecrets(uri: string): string {
  const url = URL.parse(uri);
  if (!url) return uri.replace(/[^/\\]*@/, '***@').replace(/\?.*$/s, '?***');
  if (url.username + url.password + url.search === '') return uri;
  if (url.username + url.password !== '') [url.username, url.password] = ['***', ''];
  if (url.search !== '') url.search = '?***';
  return url.href;
}

function passes(url: URL, filter: UriFilter): boolean {
  const port = url.port === '' ? DEFAULT_PORTS[url.protocol] : Number(url.port);
  if (port === undefined || url.hostname === '') return false;
  const lower = (names: readonly string[]): string[] => names.map((name) => name.toLowerCase());
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  return (
    isListed(url.protocol.slice(0, -1), lower(filter.allowedSchemes), lower(filter.disallowedSchemes)) &&
    isListed(host, lower(filter.allowedHosts), lower(filter.disallowedHosts)) &&
    isListed(port, filter.allowedPorts, filter.disallowedPorts)
  );
}

const isListed = <T>(value: T, allowed: readonly T[], disallowed: readonly T[]): boolean =>
  allowed.length > 0 ? allowed.includes(value) : !disallowed.includes(value);
