import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from '@hallmark/runtime';
import type { Account } from './account.ts';
import { EmbeddedPostgresError } from './embedded-error.ts';

export interface ServerProcessOptions {
  readonly postgres: string;
  readonly account: Account;
  readonly data: string;
  readonly port: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly log: Logger | undefined;
}

/** After a crash it first repeats what is in its log, which can take a while. */
const READY_WITHIN_MS = 120_000;
/** A fast shutdown ends every session and writes a checkpoint. */
const STOP_WITHIN_MS = 30_000;
const LINES_KEPT = 20;

/** A running PostgreSQL. It leads a session of its own, so that a Ctrl-C does not reach it before those that use it end. */
export class ServerProcess {
  readonly pid: number;
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  readonly #stopAtExit = () => void this.#child.kill('SIGINT');

  private constructor(child: ChildProcess, pid: number, ended: Promise<void>) {
    this.#child = child;
    this.pid = pid;
    // When we end without stopping it, nobody would be left to do so.
    process.once('exit', this.#stopAtExit);
    this.ended = ended.then(() => void process.off('exit', this.#stopAtExit));
  }

  /** Resolves when it takes connections. */
  static async start(options: ServerProcessOptions): Promise<ServerProcess> {
    const settings = { ...SETTINGS, ...options.settings, port: String(options.port) };
    const command = options.account.command(options.postgres, [
      ...['-D', options.data],
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ]);
    const child = spawn(command.file, command.args, {
      ...command.options,
      cwd: '/',
      detached: true,
      env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ended = once(child, 'exit').then(() => undefined);
    const lines: string[] = [];
    const isReady = Promise.withResolvers<true>();
    createInterface({ input: child.stderr }).on('line', (line) => {
      options.log?.debug({ postgres: line }, 'PostgreSQL says');
      lines.push(line);
      if (lines.length > LINES_KEPT) lines.shift();
      if (line.includes('database system is ready to accept connections')) isReady.resolve(true);
    });
    const giveUp = new AbortController();
    const isUp = await Promise.race([
      isReady.promise,
      ended.then(
        () => false,
        (error: unknown) => void lines.push(String(error)),
      ),
      wait(READY_WITHIN_MS, undefined, { signal: giveUp.signal, ref: false }).catch(() => undefined),
    ]);
    giveUp.abort();
    if (isUp === true && child.pid !== undefined) return new ServerProcess(child, child.pid, ended);
    child.kill('SIGQUIT');
    throw new EmbeddedPostgresError(`PostgreSQL did not start. It said:\n${lines.join('\n')}`);
  }

  /** Ends all sessions and then itself, in order. */
  async stop(): Promise<void> {
    this.#child.kill('SIGINT');
    const patience = new AbortController();
    const timer = wait(STOP_WITHIN_MS, undefined, { signal: patience.signal, ref: false }).then(
      () => this.#child.kill('SIGQUIT'),
      () => false, // it ended in time
    );
    await this.ended;
    patience.abort();
    await timer;
  }

  /** Ends it as a crash would. What has been committed is there after the next start. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  /** Makes it a black hole: it takes connections and answers nobody. */
  pause(): void {
    this.#child.kill('SIGSTOP');
  }
}

const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  timezone: 'UTC',
  log_timezone: 'UTC',
};
