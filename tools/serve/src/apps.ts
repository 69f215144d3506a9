import { join } from 'node:path';
import { Program } from './program.ts';

/** The processes of Hallmark, those that are asked before those that ask. */
export const APPS = ['identity', 'vendordata', 'gateway'] as const;
export type AppName = (typeof APPS)[number];

export function isAppName(text: string): text is AppName {
  return APPS.some((app) => app === text);
}

const ROOT = join(import.meta.dirname, '../../..');
// As this file runs, so do the apps: from their sources in a checkout, from `dist` when built. A
// `dist` that happens to lie in a checkout may be older than the sources, so it is not looked for.
const FROM_SOURCE = import.meta.filename.endsWith('.ts');
// Node keeps what it compiled, types already stripped: a start costs half the CPU from the second on.
const COMPILE_CACHE = join(ROOT, 'node_modules/.cache/hallmark');

export interface AppOptions {
  /** Takes the output. Without it it is passed through. */
  logFile?: string;
  env?: NodeJS.ProcessEnv;
}

/** Starts one app as a process. `args` are those that every app takes: `--config-file`, `--config-dir`. */
export async function startApp(
  app: AppName,
  args: readonly string[],
  options: AppOptions = {},
): Promise<Program> {
  return await Program.start({
    ...options,
    env: { NODE_COMPILE_CACHE: COMPILE_CACHE, ...(options.env ?? process.env) },
    name: app,
    entry: join(ROOT, 'apps', app, FROM_SOURCE ? 'src/main.ts' : 'dist/main.js'),
    conditions: FROM_SOURCE ? ['@hallmark/source'] : [],
    args,
  });
}
