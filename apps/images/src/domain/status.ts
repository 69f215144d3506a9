import { forbidden, invalid, notReady, type HallmarkError } from '@hallmark/errors';
import type { ImageStatus } from './image.ts';

/** What may follow what. */
export const TRANSITIONS: Readonly<Record<ImageStatus, readonly ImageStatus[]>> = {
  queued: ['saving', 'uploading', 'importing', 'active', 'deleted'],
  saving: ['active', 'killed', 'deleted', 'queued'],
  uploading: ['importing', 'queued', 'deleted'],
  // Back to uploading, which Glance does not know: a failed import that keeps its staged data.
  importing: ['active', 'deleted', 'queued', 'uploading'],
  active: ['pending_delete', 'deleted', 'deactivated'],
  deactivated: ['active', 'deleted'],
  killed: ['deleted'],
  pending_delete: ['deleted', 'active'],
  deleted: [],
};

/** Those whose data takes both formats to make sense of. */
const NEEDS_FORMATS: ReadonlySet<ImageStatus> = new Set(['saving', 'importing', 'active']);

export const mayFollow = (from: ImageStatus, to: ImageStatus): boolean => TRANSITIONS[from].includes(to);

/** The refusal of a move that the table does not know. */
export function illegalTransition(from: ImageStatus, to: ImageStatus): HallmarkError {
  return notReady('STATUS_TRANSITION', `Image status transition from ${from} to ${to} is not allowed`);
}

export function requireTransition(from: ImageStatus, to: ImageStatus): void {
  if (!mayFollow(from, to)) throw illegalTransition(from, to);
}

/** Deleting says the same with another code. */
export function requireDeletable(from: ImageStatus): void {
  if (!mayFollow(from, 'deleted')) {
    throw invalid('STATUS_ILLEGAL', `Image status transition from ${from} to deleted is not allowed`);
  }
}

/** Deactivating what is deactivated, and activating what is active, changes nothing. */
export function requireActivation(action: 'deactivate' | 'reactivate', status: ImageStatus): void {
  if (status === 'active' || status === 'deactivated') return;
  throw forbidden('ACTION_NOT_ALLOWED', `Not allowed to ${action} image in status '${status}'`);
}

/** The formats that data needs to become an image. */
export function requireFormats(
  to: ImageStatus,
  image: { readonly diskFormat: string | null; readonly containerFormat: string | null },
): void {
  if (!NEEDS_FORMATS.has(to)) return;
  const missing = [
    ...(image.diskFormat === null ? ['disk_format'] : []),
    ...(image.containerFormat === null ? ['container_format'] : []),
  ];
  if (missing.length === 0) return;
  throw invalid(
    'FORMATS_UNSET',
    missing.length === 1
      ? `Property ${missing.join('')} must be set prior to saving data.`
      : `Properties ${missing.join(', ')} must be set prior to saving data.`,
  );
}
