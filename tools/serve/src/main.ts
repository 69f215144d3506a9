import { resolve } from 'node:path';
import { EmbeddedPostgresError } from '@hallmark/postgres';
import { ConfigError, loadConfig } from '@hallmark/runtime';
import { appsToStart, needPostgres } from './apps.ts';
import { parseArguments, USAGE, UsageError } from './arguments.ts';
import { serve } from './serve.ts';

/** npm runs scripts in the root of the repository and says here where the person was. */
const startedFrom = process.env['npm_lifecycle_event'] === 'serve' ? process.env['INIT_CWD'] : undefined;

const say = (line: string): void => console.error(`serve: ${line}`);

async function main(argv: readonly string[]): Promise<number> {
  const directory = startedFrom ?? process.cwd();
  const { help, apps: named, appArgs } = parseArguments(argv, directory);
  if (help) {
    console.log(USAGE);
    return 0;
  }
  // Each app reads it again; asked once here, its faults are listed once and not by every process.
  const config = loadConfig(appArgs);
  const apps = appsToStart(named, config);
  const isEmbedded = needPostgres(apps) && !config.postgres.url;
  const postgresDirectory = isEmbedded ? resolve(directory, config.postgres.data_directory) : undefined;
  return await serve({ apps, appArgs, postgresDirectory, say });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof UsageError) {
    say(error.message);
    console.error(USAGE);
    process.exitCode = 2;
  } else if (error instanceof ConfigError) {
    for (const fault of error.faults) say(fault.message);
    process.exitCode = 1;
  } else if (error instanceof EmbeddedPostgresError) {
    say(error.message);
    process.exitCode = 1;
  } else {
    throw error;
  }
}
