import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { EmbeddedPostgresError } from './embedded-error.ts';

/**
 * Keeps a directory for one starter on this machine. The lock is an abstract socket of Linux: it is no file, and is gone with
 * its process however that ends. `directory` is the real path.
 */
export async function lockDirectory(directory: string): Promise<AsyncDisposable> {
  const digest = createHash('sha256').update(directory).digest('hex');
  const server = createServer((socket) => socket.destroy());
  server.listen({ path: `\0hallmark-postgres-${digest}`, exclusive: true });
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `Another process on this machine has started a PostgreSQL in ${directory}. ` +
        'Set [postgres] data_directory to another place, or [postgres] url to use that one.',
      { cause },
    );
  }
  server.unref();
  return {
    async [Symbol.asyncDispose]() {
      if (!server.listening) return;
      server.close();
      await once(server, 'close');
    },
  };
}
