export { APPS, startApp } from './apps.ts';
export type { AppName, AppOptions } from './apps.ts';
export { Constellation, StartFailure } from './constellation.ts';
export type { ConstellationOptions, ServiceAccount } from './constellation.ts';
export { Program } from './program.ts';
export type { Ending, ProgramOptions } from './program.ts';
