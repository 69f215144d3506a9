import { ConfigError, loadConfig } from '@hallmark/runtime';
import { parseArguments, USAGE, UsageError } from './arguments.ts';
import { serve } from './serve.ts';

/** npm runs scripts in the root of the repository and says here where the person was. */
const startedFrom = process.env['npm_lifecycle_event'] === 'serve' ? process.env['INIT_CWD'] : undefined;

const say = (line: string): void => console.error(`serve: ${line}`);

async function main(argv: readonly string[]): Promise<number> {
  const { help, apps, appArgs } = parseArguments(argv, startedFrom ?? process.cwd());
  if (help) {
    console.log(USAGE);
    return 0;
  }
  // Each app reads it again; asked once here, its faults are listed once and not by every process.
  loadConfig(appArgs);
  return await serve(apps, appArgs, say);
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
  } else {
    throw error;
  }
}
