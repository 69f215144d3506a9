import { parseArgs } from 'node:util';
import { startBroken } from './broken.ts';
import { startInventory } from './inventory.ts';
import type { ListenOptions, RunningTarget } from './service.ts';
import { startSlow } from './slow.ts';

const TARGETS: ReadonlyMap<string, (options: ListenOptions) => Promise<RunningTarget>> = new Map([
  ['inventory', startInventory],
  ['slow', startSlow],
  ['broken', startBroken],
]);

const USAGE = `usage: sample-targets [--host ADDRESS] [--port PORT] [${[...TARGETS.keys()].join('|')}]...

Starts the named sample vendordata services, or all of them, on PORT and the ports after it
(default: free ones), and prints each as [api] vendordata_dynamic_targets takes it.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  },
});

const names = positionals.length > 0 ? positionals : [...TARGETS.keys()];
const firstPort = Number(values.port);

if (values.help) {
  console.log(USAGE);
} else if (names.some((name) => !TARGETS.has(name)) || !Number.isInteger(firstPort)) {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  const running: RunningTarget[] = [];
  for (const [index, name] of names.entries()) {
    const target = await TARGETS.get(name)?.({
      host: values.host,
      port: firstPort === 0 ? 0 : firstPort + index,
    });
    if (target === undefined) continue;
    running.push(target);
    console.log(`${name}@${target.url}`);
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void Promise.all(running.map((target) => target[Symbol.asyncDispose]())));
  }
}
