import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { jestHooks } from './jest-globals.ts';

const DEFAULT_SOCKET = '/var/run/docker.sock';
const PING_TIMEOUT_MS = 5_000;

// Suites are declared synchronously, so the engine is asked in a child process.
const PING = `
const { request } = require('node:http');
const url = new URL(process.argv[1]);
const where = url.protocol === 'unix:' ? { socketPath: url.pathname } : { host: url.hostname, port: url.port };
request({ ...where, path: '/_ping', timeout: ${PING_TIMEOUT_MS} }, (answer) => process.exit(answer.statusCode === 200 ? 0 : 1))
  .on('timeout', () => process.exit(1))
  .on('error', () => process.exit(1))
  .end();
`;

let available: boolean | undefined;

/** Whether a Docker engine answers, at `DOCKER_HOST` or at the usual socket. */
export function dockerAvailable(): boolean {
  available ??= ping(process.env['DOCKER_HOST'] ?? `unix://${DEFAULT_SOCKET}`);
  return available;
}

function ping(engine: string): boolean {
  if (engine.startsWith('unix://') && !existsSync(engine.slice('unix://'.length))) return false;
  return spawnSync(process.execPath, ['-e', PING, engine], { stdio: 'ignore' }).status === 0;
}

/**
 * A suite that needs containers. Without a Docker engine it is skipped, and says so; in CI (`CI` is set)
 * a missing engine is a failing test, so that a green run has really run them.
 */
export function describeWithDocker(name: string, suite: () => void): void {
  const { describe, test } = jestHooks();
  if (dockerAvailable()) {
    describe(name, suite);
  } else if (process.env['CI']) {
    test(`${name}: needs a Docker engine`, () => {
      throw new Error('No Docker engine answers, and in CI the container suites must run.');
    });
  } else {
    process.stderr.write(`skipped, because no Docker engine answers: ${name}\n`);
    describe.skip(name, suite);
  }
}
