import { parseArgs } from 'node:util';
import { STAND_IN_USERS, startKeystoneStandIn } from './stand-in.ts';

const USAGE = `usage: keystone-stand-in [--host ADDRESS] [--port PORT]

Starts a stand-in for Keystone v3, for trying Hallmark out: its accounts and their passwords are
public, it keeps everything in memory, and it knows nothing but tokens. Never use it for a cloud.`;

const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  },
});
const port = Number(values.port);

if (values.help) {
  console.log(USAGE);
} else if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  const keystone = await startKeystoneStandIn({ host: values.host, port });
  console.log(`Keystone STAND-IN, for trying out only: ${keystone.url}/v3`);
  for (const { name, password, projects = {} } of STAND_IN_USERS) {
    for (const [project, roles] of Object.entries(projects)) {
      console.log(`  ${name} / ${password}   project ${project}, roles ${roles.join(', ')}`);
    }
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void keystone[Symbol.asyncDispose]());
  }
}
