import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Config, ConfigFault } from '@hallmark/runtime';

/** A file that an option names, as text, or why it cannot be read. */
export type ReadFile =
  { readonly path: string; readonly text: string } | { readonly path: string; readonly fault: string };

/** Relative paths count from the directory of the file in which the option stands. */
export function pathOf(config: Config, section: string, option: string, written: string): string {
  const file = /^(.*):\d+$/.exec(config.where(section, option))?.[1];
  return file === undefined ? resolve(written) : resolve(dirname(file), written);
}

/** A file that Glance would find by itself: beside its own configuration, and nowhere else. */
export function besideGlance(config: Config, name: string): string | undefined {
  return config.files
    .filter((file) => basename(file).startsWith('glance'))
    .map((file) => join(dirname(file), name))
    .find((path) => existsSync(path));
}

export function readText(path: string): ReadFile {
  try {
    return { path, text: new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path)) };
  } catch (error) {
    return { path, fault: `cannot be read: ${messageOf(error)}` };
  }
}

// Node's own errors are of another realm where tests run.
const messageOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);

export const faultAt = (where: string, text: string): ConfigFault => ({
  where,
  message: `${where}: ${text}`,
});
