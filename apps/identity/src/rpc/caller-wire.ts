import type { identity } from '@hallmark/contracts';
import type { TokenOwner } from '../domain/token-owner.ts';

export function callerToWire({
  user,
  project,
  roles,
  systemScope,
  expiresAtMs,
}: TokenOwner): identity.Caller {
  return {
    userId: user.id,
    userName: user.name,
    userDomainId: user.domain.id,
    userDomainName: user.domain.name,
    projectId: project?.id ?? '',
    projectName: project?.name ?? '',
    projectDomainId: project?.domain.id ?? '',
    projectDomainName: project?.domain.name ?? '',
    roles: [...roles],
    systemScope,
    expiresAt: new Date(expiresAtMs),
  };
}

/** Rounded down: nobody may keep an answer a moment longer than it holds. */
export function reuseToWire(reuseMs: number, version: number): identity.Reuse {
  const whole = Math.floor(reuseMs);
  return { ttl: { seconds: Math.floor(whole / 1000), nanos: (whole % 1000) * 1_000_000 }, version };
}
