import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';

/** Where the request went to, as its client knows it: without a slash at its end. */
export function applicationUrlOf({ headers, socket }: IncomingMessage): string {
  const scheme = socket instanceof TLSSocket ? 'https' : 'http';
  return `${scheme}://${headers.host ?? `${socket.localAddress}:${socket.localPort}`}`;
}
