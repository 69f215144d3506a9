import type { Socket } from 'node:net';

/**
 * Breaks a connection off: its other end sees a reset. While an end is on its way the system can't be asked for
 * one; Node then closes the socket never, and loops for ever when the process is to exit. That one is only closed.
 */
export function resetSocket(socket: Socket): void {
  const isEnding = socket.writableEnded && !socket.writableFinished;
  if (isEnding) socket.destroy();
  else socket.resetAndDestroy();
}
