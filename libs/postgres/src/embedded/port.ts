import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';

// Below Linux's ephemeral ports (32768 and up), which outgoing connections take while the server is down.
const FIRST_PORT = 15_000;
const LAST_PORT = 32_000;

/** The port of the last time when nobody else has it, so that what is configured elsewhere stays true. */
export async function choosePort(rememberedIn: string): Promise<number> {
  const remembered = Number(await readFile(rememberedIn, 'utf8').catch(() => ''));
  if (remembered > 0 && remembered < 65_536 && (await isFree(remembered))) return remembered;
  for (;;) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen({ port, host: '127.0.0.1', exclusive: true });
  try {
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
