import type { Logger } from 'pino';
import { ConfigError } from '../config/faults.ts';
import type { Config } from '../config/load.ts';
import type { ConfigSources } from '../config/sources.ts';
import type { Observed } from '../ops-server.ts';
import type { AppContext, AppDefinition, RunningApp } from './app.ts';
import { finishesWithin } from './finishes-within.ts';

/** What runs the app for `runApp`: this process itself, or the workers that it started. */
export interface Unit extends Observed {
  readonly addresses: Readonly<Record<string, readonly string[]>>;
  /** Returns what is wrong with the new configuration; if anything is, the old one stays. */
  reload(config: Config, sources: ConfigSources): Promise<readonly string[]>;
  /** Finishes what is in flight. Returns whether it could, in the seconds given; 0 sets no limit. */
  stop(withinSeconds: number): Promise<boolean>;
  /** Ends what would survive the end of this process. */
  kill(): void;
}

/** The app in this process. */
export class AppHost implements Unit {
  readonly #running: RunningApp;
  readonly #context: AppContext;
  #isStopping = false;

  private constructor(running: RunningApp, context: AppContext) {
    this.#running = running;
    this.#context = context;
  }

  static async start(app: AppDefinition, config: Config, context: AppContext): Promise<AppHost> {
    return new AppHost(await app.start(config, context), context);
  }

  get addresses(): RunningApp['addresses'] {
    return this.#running.addresses;
  }

  async notReady(): Promise<readonly string[]> {
    if (this.#isStopping) return ['stopping'];
    try {
      return (await this.#running.ready()) ? [] : ['the app is not ready'];
    } catch (error) {
      this.#context.log.error({ err: error }, 'the app could not tell whether it is ready');
      return ['the app could not tell whether it is ready'];
    }
  }

  metrics(): Promise<string> {
    return this.#context.registry.metrics();
  }

  async reload(config: Config): Promise<readonly string[]> {
    try {
      await this.#running.reload?.(config);
      applyLogLevel(this.#context.log, config);
      return [];
    } catch (error) {
      if (error instanceof ConfigError) return error.faults.map(({ message }) => message);
      this.#context.log.error({ err: error }, 'the app could not take the new configuration');
      return ['the app could not take the new configuration'];
    }
  }

  async stop(withinSeconds: number): Promise<boolean> {
    this.#isStopping = true;
    return finishesWithin(withinSeconds, this.#running[Symbol.asyncDispose]());
  }

  kill(): void {
    // The app ends with this process.
  }
}

/** `[DEFAULT] debug` makes it more, never less. */
export function logLevel({ DEFAULT, log }: Config): string {
  return DEFAULT.debug && log.level !== 'trace' ? 'debug' : log.level;
}

/** Loggers that an app derived earlier keep their level. */
export function applyLogLevel(log: Logger, config: Config): void {
  log.level = logLevel(config);
}
