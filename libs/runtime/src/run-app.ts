import cluster from 'node:cluster';
import { parseArgs } from 'node:util';
import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import { ConfigError, placeFault } from './config/faults.ts';
import { buildConfig, type Config } from './config/load.ts';
import { CONFIG_ARGUMENTS, readSources, type ConfigSources } from './config/sources.ts';
import { createLogger } from './logger.ts';
import { registerProcessMetrics } from './metrics.ts';
import { startOpsServer, type OpsServer } from './ops-server.ts';
import { AppHost, applyLogLevel, logLevel, type Unit } from './process/app-host.ts';
import type { AppDefinition } from './process/app.ts';
import { exitOnCrash } from './process/crash.ts';
import { StartFailure } from './process/pool-worker.ts';
import { restartOptions } from './process/restart-options.ts';
import { EXIT_FAILED, EXIT_UNUSABLE, linesForOperator } from './process/start-faults.ts';
import { runWorker } from './process/worker.ts';
import { WorkerPool } from './process/worker-pool.ts';
import { VERSION } from './version.ts';
import { soleWorkerBus } from './worker-bus.ts';

/**
 * Runs an app as this process, or as the workers that this process starts, until SIGTERM or SIGINT
 * ends it: readiness goes, what is in flight is finished, then the process exits with 0. A second
 * signal ends it at once. SIGHUP reads the configuration again.
 */
export async function runApp(app: AppDefinition): Promise<void> {
  if (cluster.isWorker) {
    runWorker(app);
    return;
  }
  const argv = process.argv.slice(2);
  try {
    if (answerAboutItself(app, argv)) return;
    const sources = readSources(argv, process.env);
    await new AppProcess(app, argv, sources, buildConfig(sources)).start();
  } catch (error) {
    exitAfterFailedStart(error);
  }
}

/** `--help` and `--version`. */
function answerAboutItself({ name, section }: AppDefinition, argv: readonly string[]): boolean {
  const { help, version } = readArguments(argv);
  if (version) process.stdout.write(`hallmark ${name} ${VERSION}\n`);
  else if (help) process.stdout.write(usage(name, section));
  return help === true || version === true;
}

function readArguments(argv: readonly string[]): { help?: boolean; version?: boolean } {
  try {
    const options = { ...CONFIG_ARGUMENTS, help: { type: 'boolean' }, version: { type: 'boolean' } } as const;
    return parseArgs({ args: [...argv], options }).values;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new ConfigError([placeFault('command line', text)]);
  }
}

function usage(name: string, section: string): string {
  return `Usage: ${name} [--config-file FILE]... [--config-dir DIR]...

  --config-file FILE  read options from FILE, in the INI format of OpenStack services;
                      may be given several times, and a later file wins
  --config-dir DIR    read every *.conf file of DIR, in the order of their names
  --help              print this
  --version           print the version

The environment wins over files: OS_${section.toUpperCase()}__WORKERS=2 sets workers in [${section}].
docs/configuration.md describes every option. SIGTERM stops gracefully, SIGHUP reads the files again.
`;
}

function exitAfterFailedStart(
  error: unknown,
  { log, config }: { log?: Logger; config?: Config } = {},
): never {
  const lines = error instanceof StartFailure ? error.lines : linesForOperator(error, config);
  if (lines) process.stderr.write(lines.map((line) => `${line}\n`).join(''));
  else if (log) log.fatal({ err: error }, 'could not start');
  else throw error;
  process.exit(lines && lines.length > 0 ? EXIT_UNUSABLE : EXIT_FAILED);
}

class AppProcess {
  readonly #app: AppDefinition;
  readonly #argv: readonly string[];
  readonly #log: Logger;
  readonly #registry = new Registry();
  readonly #sources: ConfigSources;
  #config: Config;
  #ops: OpsServer | undefined;
  #unit: Unit | undefined;
  #isStopping = false;
  #reloading: Promise<void> = Promise.resolve();

  constructor(app: AppDefinition, argv: readonly string[], sources: ConfigSources, config: Config) {
    this.#app = app;
    this.#argv = argv;
    this.#sources = sources;
    this.#config = config;
    this.#log = createLogger({ app: app.name, level: logLevel(config) });
  }

  async start(): Promise<void> {
    exitOnCrash(this.#log);
    process.on('SIGTERM', () => this.#onStopSignal('SIGTERM'));
    process.on('SIGINT', () => this.#onStopSignal('SIGINT'));
    process.on('SIGHUP', () => {
      this.#reloading = this.#reloading.then(() => this.#reload());
    });
    for (const warning of this.#config.warnings) this.#log.warn(warning);
    try {
      // First, so that a probe finds out that the app is starting, not that nobody is there.
      this.#ops = await startOpsServer(
        this.#config[this.#app.section].ops_listen,
        this.#observed(),
        this.#log,
      );
      this.#unit = await this.#startUnit();
    } catch (error) {
      exitAfterFailedStart(error, { log: this.#log, config: this.#config });
    }
    const addresses = { ...this.#unit.addresses, ops: this.#ops.addresses };
    this.#log.info({ addresses, version: VERSION }, 'listening');
    this.#log.flush(); // whoever started this process waits for that line
  }

  #startUnit(): Promise<Unit> {
    const { name, section } = this.#app;
    const size = this.#config[section].workers;
    if (size > 1) {
      return WorkerPool.start({ size, sources: this.#sources, log: this.#log, registry: this.#registry });
    }
    registerProcessMetrics(this.#registry, name);
    const context = { log: this.#log, registry: this.#registry, bus: soleWorkerBus() };
    return AppHost.start(this.#app, this.#config, context);
  }

  #observed() {
    return {
      notReady: async () => this.#unit?.notReady() ?? ['starting'],
      metrics: async () => this.#unit?.metrics() ?? '',
    };
  }

  #onStopSignal(signal: NodeJS.Signals): void {
    if (this.#isStopping) {
      this.#log.error({ signal }, 'ended at once by a second signal');
      this.#unit?.kill();
      process.exit(EXIT_FAILED);
    }
    this.#isStopping = true;
    this.#log.info({ signal }, 'stopping');
    void this.#stop();
  }

  async #stop(): Promise<void> {
    const isGraceful = await this.#finish().catch((error: unknown) => {
      this.#log.error({ err: error }, 'could not stop cleanly');
      return false;
    });
    this.#log.info('stopped');
    process.exit(isGraceful ? 0 : EXIT_FAILED);
  }

  async #finish(): Promise<boolean> {
    const seconds = this.#config.DEFAULT.graceful_shutdown_timeout;
    // Nothing can be in flight in an app that has not started yet.
    const isDone = (await this.#unit?.stop(seconds)) ?? true;
    if (!isDone)
      this.#log.error({ seconds }, 'requests were still in flight after graceful_shutdown_timeout');
    await this.#ops?.[Symbol.asyncDispose]();
    return isDone;
  }

  async #reload(): Promise<void> {
    if (!this.#unit || this.#isStopping) return;
    const faults = await this.#takeNewConfig(this.#unit);
    if (faults.length > 0) {
      this.#log.error({ faults }, 'the new configuration has faults; the last good one stays in force');
    } else {
      this.#log.info('the configuration has been read again');
    }
  }

  async #takeNewConfig(unit: Unit): Promise<readonly string[]> {
    try {
      const sources = readSources(this.#argv, process.env);
      const config = buildConfig(sources);
      const faults = await unit.reload(config, sources);
      if (faults.length > 0) return faults;
      for (const text of [...config.warnings, ...restartOptions(this.#config, config)]) this.#log.warn(text);
      applyLogLevel(this.#log, config);
      this.#config = config;
      return [];
    } catch (error) {
      if (error instanceof ConfigError) return error.faults.map(({ message }) => message);
      throw error;
    }
  }
}
