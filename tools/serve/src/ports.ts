import { once } from 'node:events';
import { createServer } from 'node:net';
import { freePort } from '@hallmark/testing';
import { APPS, type AppName } from './apps.ts';

/** One port for each listener of a Hallmark on one machine. */
export interface Ports {
  readonly nova: number;
  readonly identity: number;
  readonly vendordata: number;
  readonly ops: ReadonlyMap<AppName, number>;
}

/** Free ports, all different. Nova's door gets the preferred one unless somebody listens there. */
export async function choosePorts(preferred?: number): Promise<Ports> {
  const chosen = new Set<number>();
  const choose = async (): Promise<number> => {
    let port = await freePort();
    while (chosen.has(port)) port = await freePort();
    chosen.add(port);
    return port;
  };
  const nova = preferred !== undefined && (await isFree(preferred)) ? preferred : await choose();
  const ops = new Map<AppName, number>();
  for (const app of APPS) ops.set(app, await choose());
  return { nova, identity: await choose(), vendordata: await choose(), ops };
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
