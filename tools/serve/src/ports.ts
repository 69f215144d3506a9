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

/** The configuration that puts each process at its ports and tells it where the others are. */
export function addresses({ nova, identity, vendordata, ops }: Ports): string {
  const opsListen = (app: AppName): string => `ops_listen = 127.0.0.1:${ops.get(app) ?? 0}`;
  return `# Where each process listens and finds the others.
[gateway_nova]
listen = 127.0.0.1:${nova}

[gateway]
${opsListen('gateway')}

[identity]
listen = 127.0.0.1:${identity}
${opsListen('identity')}

[vendordata]
listen = 127.0.0.1:${vendordata}
${opsListen('vendordata')}

[rpc]
identity_endpoints = 127.0.0.1:${identity}
vendordata_endpoints = 127.0.0.1:${vendordata}
`;
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
