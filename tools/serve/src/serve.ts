import { EmbeddedPostgres } from '@hallmark/postgres';
import { startApp, type AppName } from './apps.ts';
import { describeEnding, type Program } from './program.ts';

/** Within this time a second signal is the first one again: npm repeats the terminal's Ctrl-C. */
const SAME_SIGNAL_MS = 1_000;

export interface ServeOptions {
  readonly apps: readonly AppName[];
  /** What every app is given on its command line. */
  readonly appArgs: readonly string[];
  /** Where the data of a PostgreSQL are that is started for the apps; undefined: they have one. */
  readonly postgresDirectory: string | undefined;
  readonly say: (line: string) => void;
}

/**
 * Runs the apps in the foreground until a signal, or until one of them ends, and returns the exit
 * code of the whole: 0 when all of them ended well because they were told to.
 *
 * @throws EmbeddedPostgresError
 */
export async function serve(options: ServeOptions): Promise<number> {
  const foreground = new Foreground(options);
  const handlers = {
    SIGINT: () => foreground.stop('SIGINT'),
    SIGTERM: () => foreground.stop('SIGTERM'),
    SIGHUP: () => foreground.hangUp(),
  };
  for (const [signal, handler] of Object.entries(handlers)) process.on(signal, handler);
  try {
    return await foreground.run();
  } finally {
    for (const [signal, handler] of Object.entries(handlers)) process.off(signal, handler);
  }
}

class Foreground {
  readonly #options: ServeOptions;
  #programs: readonly Program[] = [];
  #stopSignal: NodeJS.Signals | undefined;
  #stoppedAt = 0;
  #lostPostgres = false;

  constructor(options: ServeOptions) {
    this.#options = options;
  }

  async run(): Promise<number> {
    const { postgresDirectory, say } = this.#options;
    if (postgresDirectory === undefined) return await this.#runApps(process.env);
    // Disposed, and so stopped, after the apps have ended.
    await using postgres = await EmbeddedPostgres.start({ directory: postgresDirectory });
    say(`PostgreSQL of our own keeps its data in ${postgresDirectory}.`);
    void postgres.ended.then(() => this.#onPostgresEnded());
    return await this.#runApps({ ...process.env, OS_POSTGRES__URL: postgres.url });
  }

  async #runApps(env: NodeJS.ProcessEnv): Promise<number> {
    if (this.#isStopping()) return 0; // the signal came while PostgreSQL was starting
    const { apps, appArgs } = this.#options;
    this.#programs = await Promise.all(apps.map(async (app) => startApp(app, appArgs, { env })));
    if (this.#stopSignal !== undefined) {
      // It came while the processes were being made.
      for (const program of this.#programs) program.signal(this.#stopSignal);
    }
    const codes = await Promise.all(this.#programs.map(async (program) => this.#watch(program)));
    return Math.max(this.#lostPostgres ? 1 : 0, ...codes);
  }

  #isStopping(): boolean {
    return this.#stopSignal !== undefined;
  }

  #onPostgresEnded(): void {
    if (this.#isStopping()) return;
    this.#lostPostgres = true;
    this.#options.say('PostgreSQL ended; stopping the apps.');
    this.stop('SIGTERM');
  }

  stop(signal: NodeJS.Signals): void {
    if (this.#stopSignal === undefined) {
      this.#stopSignal = signal;
      this.#stoppedAt = performance.now();
      for (const program of this.#programs) program.signal(signal);
    } else if (performance.now() - this.#stoppedAt > SAME_SIGNAL_MS) {
      for (const program of this.#programs) program.kill();
    }
  }

  /** A terminal that is closed takes its processes with it; without one it means "read your configuration again". */
  hangUp(): void {
    if (process.stdin.isTTY) this.stop('SIGTERM');
    else for (const program of this.#programs) program.signal('SIGHUP');
  }

  /** The exit code that this program's end means for the whole. */
  async #watch(program: Program): Promise<number> {
    const ending = await program.ended;
    if (this.#stopSignal === undefined) {
      this.#options.say(`${program.name} ${describeEnding(ending)}; stopping the others.`);
      this.stop('SIGTERM');
      return ending.code || 1;
    }
    // A process that was told to end before it could listen for signals has also done as told.
    if (ending.code === 0 || ending.signal === this.#stopSignal) return 0;
    this.#options.say(`${program.name} ${describeEnding(ending)}.`);
    return ending.code ?? 1;
  }
}
