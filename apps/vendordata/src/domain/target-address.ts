import type { TargetAddress, TargetScheme } from './target-settings.ts';

/** Scheme, authority and the rest. The WHATWG parser alone would take `http:/h` for a host. */
const SHAPE = /^([a-z][a-z\d+.-]*):\/\/([^/?#]*)(.*)$/is;
const SCHEMES: readonly string[] = ['http', 'https', 'grpc', 'grpcs'] satisfies TargetScheme[];

/** A target URL, or what is wrong with it, without quoting it: it may hold a password. */
export type ParsedTargetUrl = { address: TargetAddress } | { fault: string };

/**
 * Takes a target URL apart. Scheme and host have no case: `HTTPS://` is verified as `https://` is.
 */
export function parseTargetUrl(text: string): ParsedTargetUrl {
  const shape = SHAPE.exec(text.trim());
  if (!shape) return { fault: 'the URL has no host; it must be SCHEME://HOST…' };
  const [, rawScheme = '', authority = '', rest = ''] = shape;
  const scheme = rawScheme.toLowerCase();
  if (!isScheme(scheme)) return { fault: `the scheme is none of ${SCHEMES.join(', ')}` };
  const at = authority.lastIndexOf('@');
  const host = authority.slice(at + 1);
  if (host === '' || host.startsWith(':')) return { fault: 'the URL has no host' };
  const isGrpc = scheme === 'grpc' || scheme === 'grpcs';
  if (isGrpc) {
    if (at >= 0) return { fault: 'a gRPC target takes no user name and password' };
    if (!/^\/?$/.test(rest)) return { fault: 'a gRPC target takes no path and no query' };
    if (!/:\d+$/.test(host)) return { fault: 'a gRPC target needs a port' };
  }
  const url = parseUrl(`${isGrpc ? 'http' : scheme}://${host}${rest}`);
  if (!url || url.port === '0') return { fault: 'the host or port is unusable' };
  url.hash = '';
  // The port of a gRPC URL may be HTTP's default, which `url.host` leaves out.
  const address = isGrpc ? `${scheme}://${url.hostname}:${url.port || '80'}` : url.href;
  return {
    address: { scheme, url: address, authorization: basicAuthorization(authority.slice(0, Math.max(at, 0))) },
  };
}

const isScheme = (scheme: string): scheme is TargetScheme => SCHEMES.includes(scheme);

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

/** As Nova's HTTP library makes it; a name without a colon behind it makes none. */
function basicAuthorization(userInfo: string): string | undefined {
  // Split before decoding: an encoded colon belongs to the part it is in.
  const colon = userInfo.indexOf(':');
  if (colon < 0 || userInfo === ':') return undefined;
  const credentials = `${unquote(userInfo.slice(0, colon))}:${unquote(userInfo.slice(colon + 1))}`;
  const latin1 = Buffer.from(credentials, 'latin1');
  const bytes = latin1.toString('latin1') === credentials ? latin1 : Buffer.from(credentials);
  return `Basic ${bytes.toString('base64')}`;
}

/** A `%` that encodes nothing stands for itself. */
function unquote(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
