import { readFileSync } from 'node:fs';
import { Metadata, Server, ServerCredentials, status, type StatusObject } from '@grpc/grpc-js';
import { vendordata } from '@hallmark/contracts';
import { accessTo } from './access.ts';

/** PEM files that turn `grpc` into `grpcs`. With `clientCaFile`, callers must show a certificate of that authority. */
export interface ProviderTls {
  certFile: string;
  keyFile: string;
  clientCaFile?: string | undefined;
}

export interface ProviderOptions {
  /** Such as `127.0.0.1:9200`. Port 0 picks a free one. */
  listen: string;
  tls?: ProviderTls | undefined;
  /** Turns every call away, and says when to come back. */
  maintenance?: boolean;
}

/** A provider that is up. */
export interface RunningProvider extends AsyncDisposable {
  /** The target's URL. */
  readonly url: string;
}

const FRESH_FOR = 'max-age=120';
const RETRY_AFTER_SECONDS = 30;

/** Serves `hallmark.vendordata.v1.VendordataProvider` with nothing but grpc-js and the contract. */
export async function startProvider(options: ProviderOptions): Promise<RunningProvider> {
  const implementation: vendordata.VendordataProviderServer = {
    getVendordata(call, callback) {
      const refusal = refuse(call.metadata, call.request, options.maintenance ?? false);
      if (refusal) {
        callback(refusal);
        return;
      }
      const access = accessTo(call.request.hostname, call.request.bootRoles);
      callback(null, { json: Buffer.from(JSON.stringify(access)), cacheControl: FRESH_FOR });
    },
  };
  const server = new Server();
  server.addService(vendordata.VendordataProviderService, implementation);
  const port = await bind(server, options);
  const host = options.listen.slice(0, options.listen.lastIndexOf(':'));

  return {
    url: `${options.tls ? 'grpcs' : 'grpc'}://${host}:${port}`,
    [Symbol.asyncDispose]: async () => {
      const closed = Promise.withResolvers<undefined>();
      server.tryShutdown((error) => {
        if (error) closed.reject(error);
        else closed.resolve(undefined);
      });
      await closed.promise;
    },
  };
}

/** Why there is no answer for this call; undefined when there is one. */
function refuse(
  metadata: Metadata,
  request: vendordata.GetVendordataRequest,
  maintenance: boolean,
): Partial<StatusObject> | undefined {
  // A real provider has Keystone validate this token and checks that its owner is the service
  // account of `[vendordata_dynamic_auth]`. Here it only has to be there.
  if ((metadata.get('x-auth-token')[0] ?? '') === '') {
    return { code: status.UNAUTHENTICATED, details: 'x-auth-token is missing' };
  }
  if (request.instanceId === '') {
    return { code: status.INVALID_ARGUMENT, details: 'instance_id is empty' };
  }
  if (maintenance) {
    const trailers = new Metadata();
    trailers.set('retry-after', String(RETRY_AFTER_SECONDS));
    return { code: status.UNAVAILABLE, details: 'the directory is in maintenance', metadata: trailers };
  }
  return undefined;
}

async function bind(server: Server, options: ProviderOptions): Promise<number> {
  const bound = Promise.withResolvers<number>();
  server.bindAsync(options.listen, credentials(options.tls), (error, port) => {
    if (error) bound.reject(error);
    else bound.resolve(port);
  });
  return await bound.promise;
}

function credentials(tls: ProviderTls | undefined): ServerCredentials {
  if (!tls) return ServerCredentials.createInsecure();
  const pair = { private_key: readFileSync(tls.keyFile), cert_chain: readFileSync(tls.certFile) };
  return tls.clientCaFile
    ? ServerCredentials.createSsl(readFileSync(tls.clientCaFile), [pair], true)
    : ServerCredentials.createSsl(null, [pair], false);
}
