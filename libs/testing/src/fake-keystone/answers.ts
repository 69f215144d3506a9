import type { Directory, Grant, Reference } from './directory.ts';
import { tokenBody, type IssuedToken, type TokenStore } from './tokens.ts';
import {
  MALFORMED,
  failure,
  forbidden,
  success,
  unauthorized,
  versionDocument,
  type Answer,
} from './wire.ts';

/** The part of a request that decides its answer. */
export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** The state of the fake at the moment of a request. */
export interface KeystoneState {
  readonly base: string;
  readonly directory: Directory;
  readonly tokens: TokenStore;
  readonly lifetimeSeconds: number;
}

/** What Keystone answers. */
export function answerTo(asked: Asked, state: KeystoneState): Answer {
  const { pathname, searchParams } = new URL(asked.url, state.base);
  switch (pathname.replace(/\/$/, '')) {
    case '': {
      const values = [versionDocument(state.base)];
      return success(300, { versions: { values } }, { Location: `${state.base}/v3/` });
    }
    case '/v3':
      return success(200, { version: versionDocument(state.base) });
    case '/v3/auth/tokens':
      return answerAboutToken(asked, searchParams, state);
    default:
      return failure(
        404,
        'The requested URL was not found on the server. If you entered the URL manually please check ' +
          'your spelling and try again.',
      );
  }
}

function answerAboutToken(asked: Asked, query: URLSearchParams, state: KeystoneState): Answer {
  // Keystone looks whether the parameter is there, not at its value.
  const catalogUrl = query.has('nocatalog') ? undefined : `${state.base}/v3`;
  switch (asked.method) {
    case 'POST':
      return logIn(asked, catalogUrl, state);
    case 'GET':
    case 'HEAD':
    case 'DELETE':
      return aboutSubject(asked, query, catalogUrl, state);
    default:
      return failure(405, 'The method is not allowed for the requested URL.');
  }
}

interface LoginBody {
  readonly auth?: {
    readonly identity?: {
      readonly methods?: unknown;
      readonly password?: { readonly user?: Reference & { readonly password?: string } };
      readonly application_credential?: Reference & { readonly user?: Reference; readonly secret?: string };
    };
    readonly scope?: unknown;
  };
}

function logIn(asked: Asked, catalogUrl: string | undefined, state: KeystoneState): Answer {
  if (!String(asked.headers['content-type']).startsWith('application/json')) {
    return failure(400, `Expecting to find application/json in Content-Type header. ${MALFORMED}`);
  }
  const { auth } = parseLogin(asked.body);
  if (!auth) return failure(400, `Expecting to find auth in request body. ${MALFORMED}`);
  if (!auth.identity) return failure(400, `Expecting to find identity in auth. ${MALFORMED}`);
  const methods: unknown[] = Array.isArray(auth.identity.methods) ? auth.identity.methods : [];
  if (methods.length === 0) {
    return failure(400, "Invalid input for field 'identity/methods': expecting a list of methods.");
  }
  let grant: Grant | undefined;
  switch (methods[0]) {
    case 'password':
      grant = state.directory.loginByPassword(auth.identity.password?.user ?? {}, auth.scope);
      break;
    case 'application_credential':
      grant = state.directory.loginByApplicationCredential(
        auth.identity.application_credential ?? {},
        auth.scope,
      );
      break;
    default:
      return unauthorized(state.base, ['password', 'application_credential']);
  }
  if (!grant) return unauthorized(state.base);
  const token = state.tokens.issue(grant, state.lifetimeSeconds);
  return success(201, tokenBody(token, catalogUrl), { 'X-Subject-Token': token.id });
}

/** A body that is no JSON object has no `auth` in it, which is what Keystone complains about. */
function parseLogin(text: string): LoginBody {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? parsed : {};
  } catch {
    return {};
  }
}

function aboutSubject(
  asked: Asked,
  query: URLSearchParams,
  catalogUrl: string | undefined,
  state: KeystoneState,
): Answer {
  // The order is Keystone's: the validator first, then the subject, only then what the one may do to the other.
  const validator = state.tokens.find(String(asked.headers['x-auth-token']), { allowExpired: false });
  if (typeof validator === 'string') return unauthorized(state.base);
  const subjectId = asked.headers['x-subject-token'];
  if (typeof subjectId !== 'string') return failure(404, 'No token in the request');
  const subject = state.tokens.find(subjectId, { allowExpired: query.get('allow_expired') === '1' });
  if (typeof subject === 'string') return failure(404, subject);
  if (asked.method === 'DELETE') {
    if (!mayRevoke(validator, subject)) return forbidden('identity:revoke_token');
    state.tokens.revoke(subject.id);
    return { status: 204, body: '' };
  }
  const action = asked.method === 'HEAD' ? 'identity:check_token' : 'identity:validate_token';
  if (!mayValidate(validator, subject, asked.method)) return forbidden(action);
  return success(200, tokenBody(subject, catalogUrl), { 'X-Subject-Token': subject.id });
}

function mayValidate(validator: IssuedToken, subject: IssuedToken, method: string): boolean {
  return (
    mayRevoke(validator, subject) ||
    // The policy of HEAD lacks the service role.
    (method === 'GET' && hasRole(validator, 'service')) ||
    (validator.grant.scope.kind === 'system' && hasRole(validator, 'reader'))
  );
}

function mayRevoke(validator: IssuedToken, subject: IssuedToken): boolean {
  return hasRole(validator, 'admin') || validator.grant.user.id === subject.grant.user.id;
}

function hasRole(token: IssuedToken, name: string): boolean {
  return token.grant.roles.some((role) => role.name === name);
}
