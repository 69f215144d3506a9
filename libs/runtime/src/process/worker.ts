import type { Logger } from 'pino';
import { AggregatorRegistry, Registry } from 'prom-client';
import { buildConfig, type Config } from '../config/load.ts';
import { ConfigError } from '../config/faults.ts';
import { createLogger } from '../logger.ts';
import { registerProcessMetrics } from '../metrics.ts';
import { Bus } from '../worker-bus.ts';
import { AppHost, logLevel } from './app-host.ts';
import type { AppDefinition } from './app.ts';
import { exitOnCrash } from './crash.ts';
import { readToWorker, type ToPrimary, type ToWorker } from './messages.ts';
import { EXIT_FAILED, linesForOperator } from './start-faults.ts';

/** Runs the app in a worker, as the primary process says. */
export function runWorker(app: AppDefinition): void {
  const registry = new Registry();
  registerProcessMetrics(registry, app.name);
  // Before the app starts: whoever asks for metrics in the meantime would wait in vain.
  AggregatorRegistry.setRegistries([registry]);
  new AggregatorRegistry(); // listens for the questions of the primary process

  const worker = new Worker(app, registry);
  process.on('message', (message: unknown) => {
    const order = readToWorker(message);
    if (order) void worker.obey(order);
  });
  // A terminal and systemd signal the whole group; the primary hears it too and says the same.
  process.on('SIGTERM', () => void worker.stop());
  process.on('SIGINT', () => void worker.stop());
  process.on('SIGHUP', () => undefined);
  // Without a primary nobody would hand over connections or end this process.
  process.on('disconnect', () => void worker.stop());
}

interface Started {
  readonly host: AppHost;
  readonly config: Config;
  readonly log: Logger;
}

class Worker {
  readonly #app: AppDefinition;
  readonly #registry: Registry;
  readonly #bus = new Bus((topic, message) => tell({ hallmark: 'bus', topic, message }));
  #started: Started | undefined;
  #isStopping = false;

  constructor(app: AppDefinition, registry: Registry) {
    this.#app = app;
    this.#registry = registry;
  }

  async obey(order: ToWorker): Promise<void> {
    switch (order.hallmark) {
      case 'start':
        return this.#start(order.files);
      case 'stop':
        return this.stop();
      case 'bus':
        this.#bus.deliver(order.topic, order.message);
        return;
      case 'readiness': {
        const reasons = (await this.#started?.host.notReady()) ?? ['starting'];
        tell({ hallmark: 'answer', question: order.question, reasons: [...reasons] });
        return;
      }
      case 'reload': {
        const reasons = await this.#reload(order.files);
        tell({ hallmark: 'answer', question: order.question, reasons: [...reasons] });
      }
    }
  }

  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    if (!this.#started) process.exit(0);
    const { host, config, log } = this.#started;
    try {
      const isDone = await host.stop(config.DEFAULT.graceful_shutdown_timeout);
      if (!isDone)
        log.error('worker ended with requests in flight: [DEFAULT] graceful_shutdown_timeout passed');
      process.exit(isDone ? 0 : EXIT_FAILED);
    } catch (error) {
      log.fatal({ err: error }, 'worker could not stop cleanly');
      process.exit(EXIT_FAILED);
    }
  }

  async #start(files: (ToWorker & { hallmark: 'start' })['files']): Promise<void> {
    const config = buildConfig({ files, faults: [], environment: process.env });
    const log = createLogger({ app: this.#app.name, level: logLevel(config) });
    exitOnCrash(log);
    try {
      const context = { log, registry: this.#registry, bus: this.#bus };
      const host = await AppHost.start(this.#app, config, context);
      this.#started = { host, config, log };
      tell({ hallmark: 'started', addresses: mutable(host.addresses) });
    } catch (error) {
      const lines = linesForOperator(error, config);
      if (!lines) log.fatal({ err: error }, 'could not start');
      // Waits until the message is out; the primary prints the lines and decides what follows.
      tell({ hallmark: 'failed', lines: [...(lines ?? [])] }, () => process.exit(EXIT_FAILED));
    }
  }

  async #reload(files: (ToWorker & { hallmark: 'reload' })['files']): Promise<readonly string[]> {
    if (!this.#started) return ['starting'];
    try {
      const config = buildConfig({ files, faults: [], environment: process.env });
      const reasons = await this.#started.host.reload(config);
      if (reasons.length === 0) this.#started = { ...this.#started, config };
      return reasons;
    } catch (error) {
      if (error instanceof ConfigError) return error.faults.map(({ message }) => message);
      throw error;
    }
  }
}

function tell(message: ToPrimary, sent: () => void = () => undefined): void {
  // The channel is gone when the primary has died; 'disconnect' has said so already.
  if (process.connected) process.send?.(message, undefined, undefined, sent);
  else sent();
}

const mutable = (addresses: AppHost['addresses']): Record<string, string[]> =>
  Object.fromEntries(Object.entries(addresses).map(([listener, where]) => [listener, [...where]]));
