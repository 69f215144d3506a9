import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fastify } from 'fastify';
import { runProgram } from './run-program.ts';

/** As much as costs the system least. */
const WRITE_BYTES = 1024 * 1024;
const READ_BYTES = 256 * 1024;

/**
 * One Fastify process that takes a body, digests it, writes it to a file and answers when it is safe; and gives it
 * back. What a body of this size costs at the least, whoever it is that serves it.
 */
await runProgram('direct', async ({ directory }) => {
  const path = join(directory, 'direct');
  const app = fastify({ bodyLimit: Number.MAX_SAFE_INTEGER, requestTimeout: 0 });
  app.addContentTypeParser('application/octet-stream', (_request, _payload, done) => done(null));
  app.put('/file', async (request, reply) => {
    const digests = await save(request.raw, path);
    return await reply.send(digests);
  });
  app.get('/file', async (_request, reply) => {
    const { size } = await stat(path);
    reply.type('application/octet-stream').header('content-length', size);
    return await reply.send(createReadStream(path, { highWaterMark: READ_BYTES }));
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return { ready: { port: Number(new URL(url).port) } };
});

async function save(body: Readable, path: string): Promise<{ md5: string; sha512: string }> {
  const md5 = createHash('md5');
  const sha512 = createHash('sha512');
  const file = await open(path, 'w');
  try {
    let waiting: Buffer[] = [];
    let bytes = 0;
    for await (const piece of body as AsyncIterable<Buffer>) {
      md5.update(piece);
      sha512.update(piece);
      waiting.push(piece);
      bytes += piece.length;
      if (bytes < WRITE_BYTES) continue;
      await writeWhole(file, waiting, bytes);
      [waiting, bytes] = [[], 0];
    }
    await writeWhole(file, waiting, bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  return { md5: md5.digest('hex'), sha512: sha512.digest('hex') };
}

async function writeWhole(file: FileHandle, pieces: readonly Buffer[], bytes: number): Promise<void> {
  if (bytes === 0) return;
  const { bytesWritten } = await file.writev([...pieces]);
  if (bytesWritten !== bytes) throw new Error(`Only ${bytesWritten} of ${bytes} bytes could be written.`);
}
