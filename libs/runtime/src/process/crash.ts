import type { Logger } from 'pino';
import { EXIT_FAILED } from './start-faults.ts';

/** What nobody caught has left the process in a state that nobody knows: it ends, and the log says why. */
export function exitOnCrash(log: Logger): void {
  process.on('uncaughtException', (error: unknown) => {
    log.fatal({ err: error }, 'ended by an error that nobody caught');
    process.exit(EXIT_FAILED);
  });
}
