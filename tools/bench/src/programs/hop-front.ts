import { vendordata } from '@hallmark/contracts';
import { createRpcClient } from '@hallmark/rpc';
import { newRequestId, Registry } from '@hallmark/runtime';
import { fastify } from 'fastify';
import { runProgram } from './run-program.ts';

interface Body {
  'project-id': string;
  'instance-id': string;
  'image-id': string;
  hostname: string;
  metadata: Record<string, string>;
  'boot-roles': string;
}

/** Fastify with one gRPC hop behind each request: what a POST would cost if nothing were kept in the gateway. */
await runProgram('hop-front', async ({ address }) => {
  const provider = createRpcClient(vendordata.VendordataProviderService, {
    name: 'hop-back',
    endpoints: [address],
    registry: new Registry(),
  });
  const app = fastify();
  app.post<{ Body: Body }>('/vendordata', async ({ body }, reply) => {
    const request = {
      projectId: body['project-id'],
      instanceId: body['instance-id'],
      imageId: body['image-id'],
      hostname: body.hostname,
      metadata: Object.entries(body.metadata).map(([key, value]) => ({ key, value })),
      bootRoles: body['boot-roles'].split(','),
    };
    const { json } = await provider.getVendordata(request, { requestId: newRequestId(), timeoutMs: 5_000 });
    return reply.type('application/json').send(json);
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return { ready: { port: Number(new URL(url).port) } };
});
