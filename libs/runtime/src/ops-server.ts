import { createServer, type Server } from 'node:http';
import { fastify, type FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { bindOptions, formatListenAddress, type BindOptions } from './listen-address.ts';

/** Whom the ops server asks. */
export interface Observed {
  /** Why requests should not come here now; empty when they should. */
  notReady(): Promise<readonly string[]>;
  /** In Prometheus' text format. */
  metrics(): Promise<string>;
}

export interface OpsServer extends AsyncDisposable {
  readonly addresses: readonly string[];
}

/** An orchestrator's probe gives up after a few seconds; by then it must have been told why. */
const READINESS_TIMEOUT_MS = 2000;

const PROMETHEUS_TEXT = 'text/plain; version=0.0.4; charset=utf-8';

/** Answers liveness, readiness and metrics on every address. Holds nothing secret and asks no token. */
export async function startOpsServer(
  listen: readonly string[],
  observed: Observed,
  log: Logger,
): Promise<OpsServer> {
  const app = opsRoutes(observed, log);
  await app.ready();
  const servers: Server[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(servers.map(closeServer));
    await app.close();
  };
  try {
    for (const address of bindOptions(listen)) {
      const server = createServer((request, response) => {
        app.routing(request, response);
      });
      servers.push(server);
      await listenOn(server, address);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { addresses: servers.map(addressOf), [Symbol.asyncDispose]: close };
}

function opsRoutes(observed: Observed, log: Logger): FastifyInstance {
  const app = fastify({ logger: false });
  app.get('/healthz', () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const reasons = await reasonsInTime(observed);
    return reasons.length === 0
      ? { status: 'ready' }
      : reply.code(503).header('cache-control', 'no-store').send({ status: 'not ready', reasons });
  });
  app.get('/metrics', async (_request, reply) => {
    const text = await observed.metrics();
    return reply.type(PROMETHEUS_TEXT).send(text);
  });
  app.setErrorHandler(async (error, _request, reply) => {
    log.error({ err: error }, 'the ops server could not answer');
    return reply.code(500).send({ status: 'error' });
  });
  return app;
}

async function reasonsInTime(observed: Observed): Promise<readonly string[]> {
  const { promise: late, resolve } = Promise.withResolvers<readonly string[]>();
  const timer = setTimeout(() => resolve(['readiness could not be found out in time']), READINESS_TIMEOUT_MS);
  try {
    return await Promise.race([observed.notReady(), late]);
  } finally {
    clearTimeout(timer);
  }
}

async function listenOn(server: Server, address: BindOptions): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  server.once('error', reject);
  server.listen(address, () => resolve(undefined));
  await promise;
  server.off('error', reject);
}

async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  server.close(() => resolve(undefined));
  // Probes and scrapers hold their connections open between questions.
  server.closeAllConnections();
  await promise;
}

function addressOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('The server has no port.');
  return formatListenAddress({ host: address.address, port: address.port });
}
