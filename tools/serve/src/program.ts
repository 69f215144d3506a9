import { once } from 'node:events';
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';

export interface ProgramOptions {
  /** For a person. */
  name: string;
  /** The file that Node runs. */
  entry: string;
  args?: readonly string[];
  /** Export conditions under which it finds the libs. */
  conditions?: readonly string[];
  env?: NodeJS.ProcessEnv;
  /** Takes stdout and stderr. Without it they are passed through. */
  logFile?: string;
}

/** How a process ended: by itself with a code, or by a signal. */
export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/**
 * A Node process of our own. It leads a process group, so that a Ctrl-C in the terminal reaches only
 * us and each program gets one signal, in the order we choose, and so that nothing of it can stay behind.
 */
export class Program {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string | undefined;
  readonly ended: Promise<Ending>;
  readonly #killAtExit: () => void;

  private constructor(options: ProgramOptions, child: ChildProcess, pid: number) {
    this.name = options.name;
    this.pid = pid;
    this.logFile = options.logFile;
    this.#killAtExit = () => this.kill();
    // When we die of a fault of our own there is nobody left to wait for a graceful end.
    process.once('exit', this.#killAtExit);
    this.ended = this.#end(child);
  }

  /** @throws Error when the process cannot be created at all. */
  static async start(options: ProgramOptions): Promise<Program> {
    const log = options.logFile === undefined ? 'inherit' : openSync(options.logFile, 'a', 0o600);
    try {
      const conditions = (options.conditions ?? []).map((condition) => `--conditions=${condition}`);
      const child = spawn(process.execPath, [...conditions, options.entry, ...(options.args ?? [])], {
        detached: true,
        env: options.env ?? process.env,
        stdio: ['ignore', log, log],
      });
      if (child.pid === undefined) {
        const [cause] = (await once(child, 'error')) as [Error];
        throw new Error(`${options.name} could not be started: ${cause.message}`, { cause });
      }
      return new Program(options, child, child.pid);
    } finally {
      if (typeof log === 'number') closeSync(log);
    }
  }

  async #end(child: ChildProcess): Promise<Ending> {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    process.off('exit', this.#killAtExit);
    // Workers of a leader that crashed.
    this.kill();
    return { code, signal };
  }

  signal(signal: NodeJS.Signals): void {
    send(this.pid, signal);
  }

  /** Ends the whole process group at once. */
  kill(): void {
    send(-this.pid, 'SIGKILL');
  }

  /** Asks it to end, and makes it end when it has not within `graceMs`. */
  async stop(graceMs: number): Promise<Ending> {
    this.signal('SIGTERM');
    const patience = new AbortController();
    const timer = wait(graceMs, undefined, { signal: patience.signal, ref: false }).then(
      () => this.kill(),
      () => undefined, // it ended in time
    );
    const ending = await this.ended;
    patience.abort();
    await timer;
    return ending;
  }

  /** The last lines it wrote to its log file. */
  async logTail(lines: number): Promise<string> {
    if (this.logFile === undefined) return '';
    const text = await readFile(this.logFile, 'utf8');
    return text.trimEnd().split('\n').slice(-lines).join('\n');
  }
}

/** In words, to follow the name of a process. */
export function describeEnding({ code, signal }: Ending): string {
  return signal === null ? `ended with exit code ${code ?? 'unknown'}` : `was ended by ${signal}`;
}

/** A process that has ended in the meantime needs no signal. */
function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
