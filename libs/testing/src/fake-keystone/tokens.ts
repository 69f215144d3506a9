import { randomBytes, randomUUID } from 'node:crypto';
import { idOf, type Grant } from './directory.ts';

/** A token that the fake gave out. */
export interface IssuedToken {
  readonly id: string;
  readonly grant: Grant;
  readonly auditId: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  revoked: boolean;
}

/** Length of a Fernet token that is scoped to a project. */
const TOKEN_LENGTH = 183;
/** `[token] allow_expired_window` of Keystone: so long may a service show an expired token. */
const ALLOW_EXPIRED_WINDOW_MS = 172_800_000;

/** Why a token is not accepted, in the words of Keystone's 404. */
export type Rejection = 'Could not recognize Fernet token' | 'Failed to validate token';

/** The tokens given out, and what each is worth now. */
export class TokenStore {
  readonly #tokens = new Map<string, IssuedToken>();

  issue(grant: Grant, lifetimeSeconds: number): IssuedToken {
    const issuedAtMs = Date.now();
    const token: IssuedToken = {
      id: `gAAAAA${randomBytes(TOKEN_LENGTH).toString('base64url')}`.slice(0, TOKEN_LENGTH),
      grant,
      auditId: Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url'),
      issuedAtMs,
      expiresAtMs: Math.min(issuedAtMs + lifetimeSeconds * 1000, grant.notAfterMs ?? Infinity),
      revoked: false,
    };
    this.#tokens.set(token.id, token);
    return token;
  }

  /** @throws Error when it was never given out. */
  revoke(id: string): void {
    const token = this.#tokens.get(id);
    if (!token) throw new Error('The fake Keystone never gave out this token.');
    token.revoked = true;
  }

  /** The token, if it holds. A validator that allows expired ones gets them for two days more. */
  find(id: string, { allowExpired }: { allowExpired: boolean }): IssuedToken | Rejection {
    const token = this.#tokens.get(id);
    if (!token) return 'Could not recognize Fernet token';
    const endsMs = token.expiresAtMs + (allowExpired ? ALLOW_EXPIRED_WINDOW_MS : 0);
    return token.revoked || endsMs <= Date.now() ? 'Failed to validate token' : token;
  }
}

/** The body of a token, its members in Keystone's order. */
export function tokenBody(token: IssuedToken, catalogUrl: string | undefined): object {
  const { grant } = token;
  const { scope } = grant;
  const scoped = scope.kind !== 'unscoped';
  return {
    token: {
      methods: [grant.method],
      user: {
        domain: grant.user.domain,
        id: grant.user.id,
        name: grant.user.name,
        password_expires_at: null,
      },
      audit_ids: [token.auditId],
      expires_at: isoTime(token.expiresAtMs),
      issued_at: isoTime(token.issuedAtMs),
      ...(scope.kind === 'project' && {
        project: { domain: scope.project.domain, id: scope.project.id, name: scope.project.name },
        is_domain: false,
      }),
      ...(scope.kind === 'domain' && { domain: scope.domain }),
      ...(scope.kind === 'system' && { system: { all: true } }),
      ...(scoped && { roles: grant.roles }),
      ...(scoped && catalogUrl !== undefined && { catalog: catalogOf(catalogUrl) }),
      ...(grant.applicationCredential && {
        application_credential: { ...grant.applicationCredential, restricted: true },
      }),
    },
  };
}

function catalogOf(url: string): object[] {
  const endpoint = (face: string): object => ({
    id: idOf('endpoint', face),
    interface: face,
    region_id: 'RegionOne',
    url,
    region: 'RegionOne',
  });
  return [
    {
      endpoints: ['internal', 'public', 'admin'].map(endpoint),
      id: idOf('service', 'keystone'),
      type: 'identity',
      name: 'keystone',
    },
  ];
}

/** ISO 8601 in UTC with six decimals, as oslo.utils writes it. */
function isoTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}
