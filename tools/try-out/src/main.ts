import { parseArgs } from 'node:util';
import { StartFailure } from '@hallmark/serve';
import { TryOutFailure } from './try-out-failure.ts';
import { tryOut } from './try-out.ts';

const USAGE = `usage: npm start [-- --once]

Starts all processes of Hallmark with a Keystone stand-in and sample vendordata services, does what
Nova, users, a guest and an operator do, and stays up until Ctrl-C. With --once it ends after that, with exit code 0 when all went well.`;

const { values } = parseArgs({
  options: { once: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
});

const stop = new AbortController();
// Not `once`: npm repeats the terminal's Ctrl-C, and the second must not end us before the others.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());

if (values.help) {
  console.log(USAGE);
} else {
  try {
    await tryOut({ once: values.once, stop: stop.signal, say: (text) => console.log(text) });
  } catch (error) {
    if (error instanceof StartFailure || error instanceof TryOutFailure) {
      console.error(`try-out: ${error.message}`);
      process.exitCode = 1;
    } else if (!stop.signal.aborted) {
      throw error;
    }
  }
}
