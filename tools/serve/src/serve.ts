import { startApp, type AppName } from './apps.ts';
import { describeEnding, type Program } from './program.ts';

/** Within this time a second signal is the first one again: npm repeats the terminal's Ctrl-C. */
const SAME_SIGNAL_MS = 1_000;

/**
 * Runs the apps in the foreground until a signal, or until one of them ends, and returns the exit
 * code of the whole: 0 when all of them ended well because they were told to.
 */
export async function serve(
  apps: readonly AppName[],
  appArgs: readonly string[],
  say: (line: string) => void,
): Promise<number> {
  const foreground = new Foreground(say);
  const handlers = {
    SIGINT: () => foreground.stop('SIGINT'),
    SIGTERM: () => foreground.stop('SIGTERM'),
    SIGHUP: () => foreground.hangUp(),
  };
  for (const [signal, handler] of Object.entries(handlers)) process.on(signal, handler);
  try {
    return await foreground.run(apps, appArgs);
  } finally {
    for (const [signal, handler] of Object.entries(handlers)) process.off(signal, handler);
  }
}

class Foreground {
  readonly #say: (line: string) => void;
  #programs: readonly Program[] = [];
  #stopSignal: NodeJS.Signals | undefined;
  #stoppedAt = 0;

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  async run(apps: readonly AppName[], appArgs: readonly string[]): Promise<number> {
    this.#programs = await Promise.all(apps.map(async (app) => startApp(app, appArgs)));
    if (this.#stopSignal !== undefined) {
      // It came while the processes were being made.
      for (const program of this.#programs) program.signal(this.#stopSignal);
    }
    const codes = await Promise.all(this.#programs.map(async (program) => this.#watch(program)));
    return Math.max(...codes);
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
      this.#say(`${program.name} ${describeEnding(ending)}; stopping the others.`);
      this.stop('SIGTERM');
      return ending.code || 1;
    }
    // A process that was told to end before it could listen for signals has also done as told.
    if (ending.code === 0 || ending.signal === this.#stopSignal) return 0;
    this.#say(`${program.name} ${describeEnding(ending)}.`);
    return ending.code ?? 1;
  }
}
