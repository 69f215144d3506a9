import { join } from 'node:path';
import type { Config } from '@hallmark/runtime';
import { Program } from './program.ts';

/** The processes of Hallmark, those that are asked before those that ask. */
export const APPS = ['identity', 'vendordata', 'instances', 'images', 'gateway'] as const;
export type AppName = (typeof APPS)[number];

export function isAppName(text: string): text is AppName {
  return APPS.some((app) => app === text);
}

/** Those that keep something in PostgreSQL. */
const NEED_POSTGRES: ReadonlySet<AppName> = new Set(['instances', 'images']);

export function needPostgres(apps: readonly AppName[]): boolean {
  return apps.some((app) => NEED_POSTGRES.has(app));
}

/** The apps to start when `named` are asked for; when none are, all that the configuration has a use for. */
export function appsToStart(named: readonly AppName[], { rpc }: Pick<Config, 'rpc'>): readonly AppName[] {
  const hasUse = (app: AppName): boolean => {
    if (app === 'instances') return rpc.instances_endpoints.length > 0;
    return app !== 'images' || rpc.images_endpoints.length > 0;
  };
  return APPS.filter((app) => (named.length === 0 ? hasUse(app) : named.includes(app)));
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
