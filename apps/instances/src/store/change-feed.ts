import { Notifications, type Database } from '@hallmark/postgres';
import { unavailable } from '@hallmark/errors';
import { announceChange, changeClock, parseChange } from './changes.ts';
import { CHANGES_CHANNEL } from './migrations.ts';
import type { Tables } from './tables.ts';
import { Watcher, type FeedEvent } from './watcher.ts';

/** Means every instance. */
const ALL = '';
/** A read of the version that fails is tried again after this. */
const RETRY_MS = 200;

/**
 * What this process hears of the changes that any replica makes, and those in it who want to know. While
 * PostgreSQL's notifications are lost nobody may rely on it: watches end, and none begins.
 */
export class ChangeFeed implements AsyncDisposable {
  readonly #db: Database<Tables>;
  readonly #notifications: Notifications;
  readonly #watchers = new Set<Watcher>();
  readonly #waiters = new Map<string, Set<() => void>>();
  readonly #buildListeners = new Set<() => void>();
  #epoch: string;
  #version = 0;
  /** Counts the times that listening began or ended, so that a late answer is known as such. */
  #generation = 0;
  #isComplete = false;
  #isClosed = false;

  constructor(db: Database<Tables>, epoch: string) {
    this.#db = db;
    this.#epoch = epoch;
    this.#notifications = Notifications.start(db, CHANGES_CHANNEL, {
      onNotification: (payload) => this.#heard(payload),
      onListening: () => void this.#catchUp(++this.#generation),
      onLost: () => this.#lost(),
    });
  }

  /** Whether every change is heard of. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Of the newest change heard of. What is read from here on takes it into account. */
  get version(): number {
    return this.#version;
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  /** From now on answers rest on other ground: all who watch, at any replica, forget all they have. */
  async begin(epoch: string): Promise<void> {
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    // They come back at once and are greeted with the new epoch.
    for (const watcher of this.#watchers) watcher.end();
    // Outdates the answers that are under way. Without PostgreSQL there are none.
    await this.#db.transaction((tx) => announceChange(tx, ALL)).catch(() => undefined);
  }

  /**
   * The changes from now on, a greeting first. Ends when `signal` is aborted and when changes can't be heard of.
   *
   * @throws HallmarkError `CHANGES_NOT_HEARD`
   */
  async *watch(signal: AbortSignal): AsyncGenerator<FeedEvent, void> {
    if (!this.#isComplete) {
      throw unavailable('CHANGES_NOT_HEARD', 'This replica cannot hear of changes now; another may.');
    }
    const watcher = new Watcher(() => this.#version);
    this.#watchers.add(watcher);
    try {
      yield { kind: 'hello', version: this.#version, epoch: this.#epoch };
      yield* watcher.events(signal);
    } finally {
      this.#watchers.delete(watcher);
    }
  }

  /**
   * Calls `onChange` whenever the instance may have changed, until it is disposed. At the end of the process
   * and when notifications were lost it is called too.
   */
  listen(id: string, onChange: () => void): Disposable {
    const waiters = this.#waiters.get(id) ?? new Set();
    this.#waiters.set(id, waiters.add(onChange));
    return {
      [Symbol.dispose]: () => {
        waiters.delete(onChange);
        if (waiters.size === 0 && this.#waiters.get(id) === waiters) this.#waiters.delete(id);
      },
    };
  }

  /** Calls `onBuild` whenever there may be a config drive to build, until it is disposed. */
  onBuild(onBuild: () => void): Disposable {
    this.#buildListeners.add(onBuild);
    return { [Symbol.dispose]: () => void this.#buildListeners.delete(onBuild) };
  }

  /** Whether those who wait should give up: the process ends. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Ends every waiting, so that the calls that wait come to their end. */
  close(): void {
    this.#isClosed = true;
    for (const watcher of this.#watchers) watcher.end();
    this.#wakeAll();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    this.#generation += 1;
    await this.#notifications[Symbol.asyncDispose]();
  }

  #heard(payload: string): void {
    const change = parseChange(payload);
    if (change?.kind === 'build') for (const listener of this.#buildListeners) listener();
    if (change?.kind !== 'changed') return;
    this.#version = Math.max(this.#version, change.version);
    for (const watcher of this.#watchers) {
      watcher.push({ kind: 'changed', version: this.#version, id: change.id });
    }
    for (const wake of this.#waiters.get(change.id) ?? []) wake();
  }

  /** What was announced before the listening began has not been heard, so the version is read. */
  async #catchUp(generation: number): Promise<void> {
    while (generation === this.#generation) {
      try {
        const version = await changeClock.current(this.#db.kysely);
        if (generation !== this.#generation) return;
        this.#version = Math.max(this.#version, version);
        this.#isComplete = true;
        this.#wakeAll();
        return;
      } catch {
        // Before the migrations are done there is no clock; what else goes wrong, `Notifications` tells of.
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  #lost(): void {
    this.#generation += 1;
    this.#isComplete = false;
    for (const watcher of this.#watchers) watcher.end();
  }

  #wakeAll(): void {
    for (const waiters of this.#waiters.values()) for (const wake of waiters) wake();
    for (const listener of this.#buildListeners) listener();
  }
}
