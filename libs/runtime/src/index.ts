// Configuration
export { loadConfig, parseConfig } from './config/load.ts';
export type { AuthOptions, AuthSection, Config, ImageStoreOptions, TargetOptions } from './config/load.ts';
export { defaultTargetOptions } from './config/default-target.ts';
export { ConfigError } from './config/faults.ts';
export type { ConfigFault } from './config/faults.ts';
export { configCatalogue } from './config/catalogue.ts';
export type { SectionInfo } from './config/catalogue.ts';
export type { OptionInfo } from './config/option-info.ts';
export type { FormerName } from './config/oslo-types.ts';

// Processes
export { runApp } from './run-app.ts';
export { testContext } from './process/app.ts';
export type { AppContext, AppDefinition, RunningApp } from './process/app.ts';
export type { JsonValue, WorkerBus } from './worker-bus.ts';

// Seeing what happens
export { createLogger } from './logger.ts';
export type { LoggerOptions } from './logger.ts';
export type { Logger } from 'pino';
export { Counter, Gauge, Histogram, Registry } from 'prom-client';

// Small things that every app needs
export { bindOptions, formatListenAddress, isLoopback, parseListenAddress } from './listen-address.ts';
export type { BindOptions, ListenAddress } from './listen-address.ts';
export { freePort, isPortFree } from './free-port.ts';
export { isCarriedRequestId, isRequestId, newRequestId } from './request-id.ts';
export { systemClock } from './clock.ts';
export type { Clock } from './clock.ts';
