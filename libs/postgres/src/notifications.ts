import { setTimeout as wait } from 'node:timers/promises';
import { Client, escapeIdentifier, type ClientConfig } from 'pg';
import type { Logger } from '@hallmark/runtime';
import { databaseError } from './database-error.ts';
import type { Database } from './database.ts';

/** What is called with what PostgreSQL tells. None of it may throw. */
export interface NotificationListener {
  onNotification(payload: string): void;
  /** From here on everything is heard; what happened before, since the last `onLost`, was not. */
  onListening(): void;
  /** Notifications may have been missed from some moment before this. Called once per loss. */
  onLost(): void;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;
const CHECK_EVERY_MS = 1_000;
/** With the pause before it, silence is noticed within 3 seconds. */
const ANSWER_WITHIN_MS = 1_500;
const CONNECT_WITHIN_MS = 3_000;

/**
 * Listens on one channel by a connection of its own, which it makes again whenever it is lost. A server that
 * has gone silent counts as lost within 3 seconds.
 */
export class Notifications implements AsyncDisposable {
  readonly #channel: string;
  readonly #listener: NotificationListener;
  readonly #config: ClientConfig;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #isListening = false;

  private constructor(channel: string, listener: NotificationListener, config: ClientConfig, log: Logger) {
    this.#channel = channel;
    this.#listener = listener;
    this.#config = {
      ...config,
      query_timeout: ANSWER_WITHIN_MS,
      connectionTimeoutMillis: Math.min(
        config.connectionTimeoutMillis ?? CONNECT_WITHIN_MS,
        CONNECT_WITHIN_MS,
      ),
    };
    this.#log = log;
    this.#running = this.#run(this.#stop.signal);
  }

  /** Starts to connect, in the background. */
  static start<Schema>(db: Database<Schema>, channel: string, listener: NotificationListener): Notifications {
    return new Notifications(channel, listener, db.clientConfig, db.log);
  }

  get isListening(): boolean {
    return this.#isListening;
  }

  /** After this nothing is called any more, `onLost` neither. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(stopped: AbortSignal): Promise<void> {
    let pauseMs = 0;
    let isToldOf = false;
    for (;;) {
      const failure = await this.#listen(stopped);
      if (this.#isStopped()) return;
      if (this.#isListening) {
        this.#isListening = false;
        this.#listener.onLost();
        [pauseMs, isToldOf] = [0, false];
      }
      if (!isToldOf)
        this.#log.warn({ err: failure, channel: this.#channel }, 'notifications of PostgreSQL are lost');
      isToldOf = true;
      pauseMs = Math.min(Math.max(pauseMs * 2, FIRST_PAUSE_MS), LONGEST_PAUSE_MS);
      await wait(pauseMs, undefined, { signal: stopped }).catch(() => undefined);
    }
  }

  #isStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  /** One life of a connection. Gives the reason of its end. */
  async #listen(stopped: AbortSignal): Promise<unknown> {
    const client = new Client(this.#config);
    const ended = new AbortController();
    client.on('error', (error) => ended.abort(error));
    client.on('end', () => ended.abort());
    client.on('notification', ({ payload }) => {
      if (!stopped.aborted && !ended.signal.aborted) this.#listener.onNotification(payload ?? '');
    });
    const over = AbortSignal.any([stopped, ended.signal]);
    try {
      await client.connect();
      await client.query(`LISTEN ${escapeIdentifier(this.#channel)}`);
      over.throwIfAborted();
      this.#isListening = true;
      this.#log.info({ channel: this.#channel }, 'listening to notifications of PostgreSQL');
      this.#listener.onListening();
      for (;;) {
        await wait(CHECK_EVERY_MS, undefined, { signal: over });
        await client.query('SELECT 1');
      }
    } catch (error) {
      return databaseError(ended.signal.aborted ? ended.signal.reason : error);
    } finally {
      hangUp(client);
    }
  }
}

/** Without waiting for the other side, which may be silent. */
function hangUp(client: Client): void {
  client.connection.stream.destroy();
}
