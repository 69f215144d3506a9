import { Registry } from 'prom-client';
import type { AppDefinition } from './app.ts';
import { loadConfig } from './config/load.ts';
import { createLogger } from './logger.ts';
import { soleWorkerBus } from './worker-bus.ts';

/** Runs an app as this process until a signal ends it. */
export async function runApp(app: AppDefinition): Promise<void> {
  const config = loadConfig(process.argv.slice(2));
  const log = createLogger({ app: app.name, level: config.log.level });
  const running = await app.start(config, { log, registry: new Registry(), bus: soleWorkerBus() });
  log.info({ addresses: running.addresses }, 'listening');
  const stop = async (): Promise<void> => {
    await running[Symbol.asyncDispose]();
    process.exit(0);
  };
  process.once('SIGTERM', () => void stop());
  process.once('SIGINT', () => void stop());
}
