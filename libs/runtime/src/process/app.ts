import { Registry } from 'prom-client';
import type { Config } from '../config/load.ts';
import { createLogger } from '../logger.ts';
import type { Logger } from 'pino';
import { soleWorkerBus, type WorkerBus } from '../worker-bus.ts';

/** What a process gives to the app that it runs. */
export interface AppContext {
  readonly log: Logger;
  readonly registry: Registry;
  readonly bus: WorkerBus;
}

/** An app that has started. Disposing it finishes what is in flight and closes everything. */
export interface RunningApp extends AsyncDisposable {
  /** Where it listens, by listener: `{ rpc: ['127.0.0.1:4711'] }`. */
  readonly addresses: Readonly<Record<string, readonly string[]>>;
  /** Whether requests should come here now. */
  ready(): boolean | Promise<boolean>;
  /** Takes a new configuration, or throws a ConfigError and keeps the one it has. */
  reload?(config: Config): Promise<void>;
}

/** An app as `runApp` needs it. */
export interface AppDefinition {
  readonly name: string;
  /** The section with its `workers` and `ops_listen`. */
  readonly section: 'gateway' | 'identity' | 'images' | 'instances' | 'vendordata';
  /** Starts listening. Throws a ConfigError for faults that only the app can see. */
  start(config: Config, context: AppContext): Promise<RunningApp>;
}

/** A context for a test: silent unless HALLMARK_TEST_LOG holds a level, and nothing shared. */
export function testContext(app: string): AppContext {
  const level = process.env['HALLMARK_TEST_LOG'];
  const log =
    level === undefined
      ? createLogger({ app, level: 'silent', destination: { write: () => undefined } })
      : createLogger({ app, level });
  return { log, registry: new Registry(), bus: soleWorkerBus() };
}
