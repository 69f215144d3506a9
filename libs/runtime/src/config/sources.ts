import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isError } from '../is-error.ts';
import { ConfigError, placeFault, type ConfigFault } from './faults.ts';

/** The text of everything that was named on the command line, before anyone understands it. */
export interface ConfigSources {
  /** Later files win. */
  readonly files: readonly { readonly path: string; readonly text: string }[];
  /** Files and directories that could not be read. */
  readonly faults: readonly ConfigFault[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The part of the command line that names configuration. */
export const CONFIG_ARGUMENTS = {
  'config-file': { type: 'string', multiple: true },
  'config-dir': { type: 'string', multiple: true },
} as const;

/** Reads every file that the command line names. What cannot be read is a fault among the others. */
export function readSources(argv: readonly string[], environment: NodeJS.ProcessEnv): ConfigSources {
  const files: { path: string; text: string }[] = [];
  const faults: ConfigFault[] = [];
  /** Reads on after what cannot be read. */
  const attempt = (path: string, read: () => void): void => {
    try {
      read();
    } catch (error) {
      faults.push(placeFault(path, unreadable(error)));
    }
  };
  const readFile = (path: string): void => {
    // A file in another encoding would be read with wrong letters in its names and passwords.
    const decoder = new TextDecoder('utf-8', { fatal: true });
    attempt(path, () => files.push({ path, text: decoder.decode(readFileSync(path)) }));
  };
  for (const { name, value } of configTokens(argv)) {
    if (name === 'config-file') readFile(value);
    else attempt(value, () => confFilesOf(value).forEach(readFile));
  }
  return { files, faults, environment };
}

function confFilesOf(directory: string): string[] {
  const names = readdirSync(directory).filter((name) => name.endsWith('.conf'));
  return names.sort().map((name) => join(directory, name));
}

/** The arguments in the order in which they were given, because a later file wins. */
function configTokens(argv: readonly string[]): { name: keyof typeof CONFIG_ARGUMENTS; value: string }[] {
  try {
    const { tokens } = parseArgs({ args: [...argv], options: CONFIG_ARGUMENTS, tokens: true });
    return tokens.flatMap((token) =>
      token.kind === 'option' ? [{ name: token.name, value: token.value }] : [],
    );
  } catch (error) {
    throw new ConfigError([placeFault('command line', messageOf(error))]);
  }
}

function unreadable(error: unknown): string {
  switch (isError(error) && 'code' in error && error.code) {
    case 'ENOENT':
      return 'does not exist';
    case 'EACCES':
      return 'may not be read by this user';
    case 'EISDIR':
      return 'is a directory; name it with --config-dir';
    case 'ENOTDIR':
      return 'is no directory; name it with --config-file';
    case 'ERR_ENCODING_INVALID_ENCODED_DATA':
      return 'is not UTF-8 text';
    default:
      return `cannot be read: ${messageOf(error)}`;
  }
}

const messageOf = (error: unknown): string => (isError(error) ? error.message : String(error));
