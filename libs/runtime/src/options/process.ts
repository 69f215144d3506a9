import { z } from 'zod';
import { bool, choice, int } from '../config/oslo-types.ts';
import { glanceDefault } from './glance.ts';

/** The options of `[DEFAULT]` and `[log]`, which every process reads. */

export const DEFAULT = z
  .object({
    debug: bool()
      .default(false)
      .describe('Log at level debug, whatever `[log] level` says, unless that is trace.'),
    graceful_shutdown_timeout: int({ min: 0 })
      .default(60)
      .describe(
        'Seconds that a stopping process gives to the requests in flight before it ends without them. 0 waits for all of them, however long.',
      ),
    config_drive_format: choice('iso9660', 'vfat')
      .default('iso9660')
      .describe("Nova's option: the file system of config drives."),
    force_config_drive: bool()
      .default(false)
      .describe("Nova's option: whether every instance gets a config drive, wished for or not."),
    ...glanceDefault,
  })
  .describe('What holds for every process.');

export const log = z
  .object({
    level: choice('trace', 'debug', 'info', 'warn', 'error')
      .default('info')
      .describe(
        'The least severe level that is written. Logs are JSON, one object a line, on standard output.',
      ),
  })
  .describe('Logging of every process.');
