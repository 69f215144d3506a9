import { once } from 'node:events';
import { connect } from 'node:net';
import { freePort } from '@hallmark/runtime';

export { freePort };

export async function freePorts(count: number): Promise<readonly number[]> {
  return await Promise.all(Array.from({ length: count }, freePort));
}

/** Whether somebody takes connections at an address, now. */
export async function answersAt(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
