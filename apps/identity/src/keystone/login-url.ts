import { z } from 'zod';

/**
 * Where an `auth_url` leads. `tokens` is the URL to POST a login to; `discover` the one that says
 * which versions there are, when `auth_url` names none.
 */
export type LoginUrl = { readonly kind: 'tokens' | 'discover'; readonly url: string };

/** Why an `auth_url` is of no use, or undefined. */
export function faultOfAuthUrl(text: string): string | undefined {
  const url = URL.parse(text);
  if (!url || !['http:', 'https:'].includes(url.protocol)) {
    return 'is no http or https URL, such as https://keystone.example.test/v3';
  }
  if (url.username !== '' || url.password !== '') return 'must not hold a user or a password';
  if (url.search !== '' || url.hash !== '') return 'must not have a query or a fragment';
  if (/\/v2(\.\d+)?\/*$/.test(url.pathname))
    return 'names version 2 of the Identity API, which is gone; use /v3';
  return undefined;
}

/**
 * A URL that ends in `v3` is taken at its word. The plug-ins with a version in their name append
 * it to any other; generic `password` first asks the server.
 */
export function loginUrl(authUrl: string, plugin: 'generic' | 'versioned'): LoginUrl {
  const base = withoutSlash(authUrl);
  if (/\/v3$/.test(base)) return { kind: 'tokens', url: `${base}/auth/tokens` };
  if (plugin === 'generic') return { kind: 'discover', url: authUrl };
  return { kind: 'tokens', url: `${base}/v3/auth/tokens` };
}

const Version = z.object({
  id: z.string(),
  links: z.array(z.object({ rel: z.string(), href: z.string() })).default([]),
});
/** `GET /` lists versions; a GET of one version shows that alone. */
const VersionDocument = z.union([
  z.object({ versions: z.object({ values: z.array(Version) }) }).transform(({ versions }) => versions.values),
  z.object({ version: Version }).transform(({ version }) => [version]),
]);

/**
 * The URL for logins that a version document leads to; undefined when it is none, or offers no v3.
 *
 * Its link is followed only within the server that the operator named: a Keystone behind a proxy
 * often tells its inner address, or `http` where the operator said `https`, and the password must
 * go where the operator said.
 */
export function loginUrlFrom(document: unknown, authUrl: string): string | undefined {
  const parsed = VersionDocument.safeParse(document);
  const v3 = parsed.data?.find(({ id }) => /^v3(\.|$)/.test(id));
  if (!v3) return undefined;
  const href = v3.links.find(({ rel }) => rel === 'self')?.href;
  const told = href === undefined ? null : URL.parse(href, authUrl);
  const trusted = told?.origin === new URL(authUrl).origin ? told.href : `${withoutSlash(authUrl)}/v3`;
  return `${withoutSlash(trusted)}/auth/tokens`;
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '');
}
