import { vendordata } from '@hallmark/contracts';
import { RpcServer } from '@hallmark/rpc';
import { createLogger, Registry } from '@hallmark/runtime';
import { runProgram } from './run-program.ts';

/** The far end of one gRPC hop, which has its answer ready. */
await runProgram('hop-back', async () => {
  const answer = {
    json: Buffer.from('{"rack": "r12", "asset": "HM-2ae914e9"}'),
    cacheControl: 'max-age=300',
  };
  const server = new RpcServer({
    app: 'hop-back',
    listen: ['127.0.0.1:0'],
    log: createLogger({ app: 'hop-back', level: 'warn' }),
    registry: new Registry(),
  });
  server.add(vendordata.VendordataProviderService, { getVendordata: () => Promise.resolve(answer) });
  const [address = ''] = await server.listen();
  return { ready: { address } };
});
