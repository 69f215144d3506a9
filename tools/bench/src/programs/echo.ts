import { fastify } from 'fastify';
import { runProgram } from './run-program.ts';

/** Bare Fastify: parses the JSON of the body and writes it back. What a POST costs at the least. */
await runProgram('echo', async () => {
  const app = fastify();
  app.post('/vendordata', (request, reply) => reply.send(request.body));
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return { ready: { port: Number(new URL(url).port) } };
});
