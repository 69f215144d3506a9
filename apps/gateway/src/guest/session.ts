import type { IncomingMessage } from 'node:http';
import { HttpFailure } from '../http/http-failure.ts';
import { isForwarded } from './claims.ts';
import type { GuestRules } from './guest-rules.ts';

/** The longest that EC2 gives. */
const LONGEST_TTL_SECONDS = 21_600;

/**
 * Whoever inside a guest reads for somebody else, as a proxy does that is talked into it, has seldom a way to
 * PUT, to set headers, or to hide that it forwards. A session token asks for all three.
 *
 * @throws HttpFailure 401 unless the request carries what the rules ask for.
 */
export function requireSession(
  { headers }: IncomingMessage,
  { tokens, tokenRequired }: GuestRules,
  instanceId: string,
): void {
  if (!tokens) return;
  const token = headers['x-aws-ec2-metadata-token'];
  if (token === undefined && !tokenRequired) return;
  if (typeof token === 'string' && tokens.holds(token, instanceId, Date.now())) return;
  throw new HttpFailure(
    401,
    token === undefined ? 'SESSION_TOKEN_MISSING' : 'SESSION_TOKEN_INVALID',
    'A valid session token is needed. Get one with PUT /latest/api/token.',
  );
}

/**
 * For how long a guest asks for a session token.
 *
 * @throws HttpFailure 400 when it does not say, 403 when somebody forwards for somebody else.
 */
export function sessionSeconds(request: IncomingMessage, rules: GuestRules): number {
  if (isForwarded(request, rules)) {
    throw new HttpFailure(403, 'FORWARDED', 'A session token is not given to a forwarded request.');
  }
  const wish = request.headers['x-aws-ec2-metadata-token-ttl-seconds'];
  const seconds = typeof wish === 'string' && /^\d{1,5}$/.test(wish) ? Number(wish) : 0;
  if (seconds < 1 || seconds > LONGEST_TTL_SECONDS) {
    throw new HttpFailure(
      400,
      'TTL_INVALID',
      `X-aws-ec2-metadata-token-ttl-seconds must be 1 to ${LONGEST_TTL_SECONDS}.`,
    );
  }
  return seconds;
}
