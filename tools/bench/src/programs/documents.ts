import { fastify } from 'fastify';
import { runProgram } from './run-program.ts';

/** Bare Fastify that has its answers ready as text. What a GET costs at the least. */
await runProgram('documents', async ({ documents }) => {
  const app = fastify();
  for (const [path, text] of Object.entries(documents)) {
    app.get(path, (_request, reply) => reply.type('application/json').send(text));
  }
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return { ready: { port: Number(new URL(url).port) } };
});
