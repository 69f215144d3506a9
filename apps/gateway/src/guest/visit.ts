import type { AskOptions } from '../http/callers.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Claim } from './claims.ts';
import { notFound } from './guest-failures.ts';
import type { GuestPath } from './guest-path.ts';
import type { GuestRules } from './guest-rules.ts';
import type { Metadata, MetadataEntry } from './metadata.ts';

/** A request of a guest: what it wants, and by which rules it is served, to its end. */
export interface Visit {
  readonly exchange: Exchange;
  readonly path: GuestPath;
  readonly rules: GuestRules;
}

/** What a guest reads at this path of its own instance. */
export function entryAt(metadata: Metadata, path: GuestPath): MetadataEntry | undefined {
  switch (path.kind) {
    case 'versions':
      return metadata.versions(path.tree);
    case 'document':
      return metadata.find(path.tree, path.version, path.path);
    case 'content':
      return metadata.findFile(path.path);
    default:
      return undefined;
  }
}

/** @throws HttpFailure 404, as for an instance that does not exist. */
export function requireOwn(claim: Claim, metadata: Metadata): void {
  if (claim.projectId !== metadata.projectId) throw notFound('PROJECT_MISMATCH');
}

export function askOptions(exchange: Exchange, timeoutMs: number): AskOptions {
  return { requestId: exchange.id, timeoutMs, signal: exchange.hangUpSignal };
}
