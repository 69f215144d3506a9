import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { APPS, isAppName, type AppName } from './apps.ts';

export const USAGE = `usage: npm run serve -- [--config-file FILE]... [--config-dir DIR]... [APP]...

Starts the named apps, or all that the configuration has a use for, in the foreground. Ctrl-C or SIGTERM
stops them gracefully, a second one at once; SIGHUP makes them read their configuration again.
Nothing is restarted: when one ends, the others are stopped. An app that needs PostgreSQL gets one that
is started with it when [postgres] url is not set.

Apps: ${APPS.join(', ')}`;

/** The command line is wrong; the message says where. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface ServeArguments {
  readonly help: boolean;
  /** Those that were named, if any. */
  readonly apps: readonly AppName[];
  /** What each app is given: configuration files and directories in the order of the command line, as absolute paths. */
  readonly appArgs: readonly string[];
}

/** Reads the command line. Relative paths start from `directory`. */
export function parseArguments(argv: readonly string[], directory: string): ServeArguments {
  const { values, positionals, tokens } = parse(argv);
  const unknown = positionals.filter((name) => !isAppName(name));
  if (unknown.length > 0) {
    throw new UsageError(`There is no app ${unknown.join(', ')}. The apps are: ${APPS.join(', ')}.`);
  }
  const appArgs = tokens.flatMap((token) =>
    token.kind === 'option' && token.value !== undefined
      ? [`--${token.name}`, resolve(directory, token.value)]
      : [],
  );
  const apps = APPS.filter((app) => positionals.includes(app));
  return { help: values.help, apps, appArgs };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      tokens: true,
      options: {
        'config-file': { type: 'string', multiple: true },
        'config-dir': { type: 'string', multiple: true },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
