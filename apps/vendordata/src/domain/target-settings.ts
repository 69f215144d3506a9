import { createHash } from 'node:crypto';
import { canonicalProjectId } from './instance.ts';
import type { FailurePolicy } from './resolution.ts';
import type { Provider } from './vendor-data-document.ts';

export type TargetScheme = 'http' | 'https' | 'grpc' | 'grpcs';

/** How to reach a target: its URL, taken apart. */
export interface TargetAddress {
  readonly scheme: TargetScheme;
  /** Without user name and password. Scheme and host in lower case. */
  readonly url: string;
  /** What the `user:password@` of the URL becomes, sent beside the token. A secret. */
  readonly authorization: string | undefined;
}

/** One configured target, every default applied and every file read. */
export interface TargetSettings extends TargetAddress {
  readonly name: string;
  readonly failure: FailurePolicy;
  readonly connectTimeoutMs: number;
  /** Longest wait for the next bytes. */
  readonly readTimeoutMs: number;
  /** Longest life of one exchange. */
  readonly totalTimeoutMs: number;
  /** Certificate authorities in PEM. Undefined: those of the system. */
  readonly authorities: string | undefined;
  readonly clientCertificate: { readonly certificate: string; readonly key: string } | undefined;
  readonly maxResponseBytes: number;
  readonly maxStaleSeconds: number;
  /** Canonical ids. Empty: all projects. */
  readonly projects: readonly string[];
  readonly excludedProjects: readonly string[];
  readonly maxConcurrency: number;
  readonly defaultCacheControl: string | undefined;
  readonly breakerFailures: number;
  readonly breakerResetMs: number;
}

/** Whether the target is asked about instances of this project. */
export function isAskedFor(
  { projects, excludedProjects }: Pick<TargetSettings, 'projects' | 'excludedProjects'>,
  projectId: string,
): boolean {
  const id = canonicalProjectId(projectId);
  return (projects.length === 0 || projects.includes(id)) && !excludedProjects.includes(id);
}

/** The URL as it may be shown: its query may hold a key. */
export const publicUrl = (target: Pick<TargetAddress, 'url'>): string => target.url.replace(/\?.*$/s, '');

/**
 * Names everything about a target that decides what it answers or for how long that may be kept.
 * Answers kept under another fingerprint are another target's.
 */
export function targetFingerprint(settings: TargetSettings): string {
  const { url, authorization, clientCertificate, defaultCacheControl } = settings;
  return digest([url, authorization, clientCertificate?.certificate, defaultCacheControl]);
}

/**
 * Changes when answers resolved before may no longer hold. The same on all replicas with the same
 * configuration, so that a reader may go from one to another.
 */
export function resolutionEpoch(
  targets: readonly TargetSettings[],
  composeCloudInit: boolean,
  providers: readonly Provider[],
): string {
  return digest([
    composeCloudInit,
    providers,
    targets.map((target) => [
      ...[target.name, targetFingerprint(target), target.failure, target.maxStaleSeconds],
      ...[target.projects, target.excludedProjects, target.maxResponseBytes],
    ]),
  ]);
}

const digest = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex');
