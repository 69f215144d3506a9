import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ConfigError, placeFault, type ConfigFault } from './faults.ts';

/** The text of everything that was named on the command line, before anyone understands it. */
export interface ConfigSources {
  /** Later files win. */
  readonly files: readonly { readonly path: string; readonly text: string }[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The part of the command line that names configuration. */
export const CONFIG_ARGUMENTS = {
  'config-file': { type: 'string', multiple: true },
  'config-dir': { type: 'string', multiple: true },
} as const;

/** Reads every file. Throws a ConfigError that names all those which cannot be read. */
export function readSources(argv: readonly string[], environment: NodeJS.ProcessEnv): ConfigSources {
  const faults: ConfigFault[] = [];
  const files = filesOf(argv, faults).flatMap((path) => {
    try {
      // A file in another encoding would be read with wrong letters in its names and passwords.
      return [{ path, text: new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path)) }];
    } catch (error) {
      faults.push(placeFault(path, unreadable(error)));
      return [];
    }
  });
  if (faults.length > 0) throw new ConfigError(faults);
  return { files, environment };
}

function filesOf(argv: readonly string[], faults: ConfigFault[]): string[] {
  return configTokens(argv).flatMap(({ name, value }) => {
    if (name === 'config-file') return [value];
    try {
      const names = readdirSync(value).filter((entry) => entry.endsWith('.conf'));
      return names.sort().map((entry) => join(value, entry));
    } catch (error) {
      faults.push(placeFault(value, unreadable(error)));
      return [];
    }
  });
}

/** The arguments in the order in which they were given, because a later file wins. */
function configTokens(argv: readonly string[]): { name: keyof typeof CONFIG_ARGUMENTS; value: string }[] {
  try {
    const { tokens } = parseArgs({ args: [...argv], options: CONFIG_ARGUMENTS, tokens: true });
    return tokens.flatMap((token) =>
      token.kind === 'option' ? [{ name: token.name, value: token.value }] : [],
    );
  } catch (error) {
    throw new ConfigError([
      placeFault('command line', error instanceof Error ? error.message : String(error)),
    ]);
  }
}

function unreadable(error: unknown): string {
  if (error instanceof TypeError) return 'is not UTF-8 text';
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'does not exist';
  if (code === 'EACCES') return 'may not be read by this user';
  if (code === 'EISDIR') return 'is a directory; name it with --config-dir';
  if (code === 'ENOTDIR') return 'is no directory; name it with --config-file';
  return `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
}
