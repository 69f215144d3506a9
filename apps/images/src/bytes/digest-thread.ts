import { createHash } from 'node:crypto';
import { parentPort, type MessagePort } from 'node:worker_threads';
import type { DigestBegin, DigestMessage } from './digest-threads.ts';

// A thread that digests the data of several images, each over a port of its own. What it has digested it gives
// back to be filled again, which also says how far it is.
parentPort?.on('message', ({ port, algorithm }: DigestBegin) => digest(port, algorithm));

function digest(port: MessagePort, algorithm: string): void {
  const md5 = createHash('md5');
  const hash = createHash(algorithm);
  port.on('message', (message: DigestMessage) => {
    if (message === 'end') {
      port.postMessage({ checksum: md5.digest('hex'), hashValue: hash.digest('hex') });
      return;
    }
    const { buffer, length } = message;
    const bytes = new Uint8Array(buffer, 0, length);
    md5.update(bytes);
    hash.update(bytes);
    port.postMessage(buffer, [buffer]);
  });
}
