import type { Transaction } from 'kysely';
import { ChangeClock } from '@hallmark/postgres';
import { CHANGES_CHANNEL } from './migrations.ts';
import type { Tables } from './tables.ts';

/** What replicas tell each other. */
export type Change =
  /** An instance is another than before, or gone. */
  | { readonly kind: 'changed'; readonly id: string; readonly version: number }
  /** There is a config drive to build. */
  | { readonly kind: 'build' };

export const changeClock = new ChangeClock(CHANGES_CHANNEL);

/** The last thing that a transaction does: all that change take turns from here on. */
export async function announceChange(tx: Transaction<Tables>, id: string): Promise<void> {
  const version = await changeClock.advance(tx);
  await announce(tx, { kind: 'changed', id, version });
}

export async function announceBuild(tx: Transaction<Tables>): Promise<void> {
  await announce(tx, { kind: 'build' });
}

async function announce(tx: Transaction<Tables>, change: Change): Promise<void> {
  await changeClock.announce(tx, JSON.stringify(change));
}

/** What another replica told; undefined for what only a newer release understands. */
export function parseChange(payload: string): Change | undefined {
  const change = JSON.parse(payload) as Partial<Record<'kind' | 'id' | 'version', unknown>>;
  if (change.kind === 'build') return { kind: 'build' };
  const { kind, id, version } = change;
  if (kind !== 'changed' || typeof id !== 'string' || typeof version !== 'number') return undefined;
  return { kind, id, version };
}
