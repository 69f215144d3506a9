import { readFileSync } from 'node:fs';
import { Client, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from '@jest/globals';
import { vendordata } from '@hallmark/contracts';
import { createTestCertificates } from '@hallmark/testing';
import { startProvider } from '../src/index.ts';

const INSTANCE = vendordata.GetVendordataRequest.fromPartial({
  projectId: '6f0b5d0c8f5c4d8f9a3b8e0f2d1c7a90',
  instanceId: '2ae914e9-f5ab-44ce-b2a2-dcf8373d899d',
  hostname: 'mail-1',
  bootRoles: ['member', 'mail-operator'],
});

const clients: Client[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

/** What Hallmark's vendordata app does with a target of scheme `grpc` or `grpcs`. */
async function ask(
  url: string,
  { token = 'a-token', request = INSTANCE, channel = credentials.createInsecure() } = {},
): Promise<vendordata.GetVendordataResponse> {
  const client = new vendordata.VendordataProviderClient(new URL(url).host, channel);
  clients.push(client);
  const metadata = new Metadata();
  if (token !== '') metadata.set('x-auth-token', token);
  const answer = Promise.withResolvers<vendordata.GetVendordataResponse>();
  client.getVendordata(request, metadata, { deadline: Date.now() + 5_000 }, (error, response) => {
    if (error) answer.reject(error);
    else answer.resolve(response);
  });
  return await answer.promise;
}

async function failure(asked: Promise<unknown>): Promise<ServiceError> {
  return await asked.then(
    () => {
      throw new Error('The call was expected to fail.');
    },
    (error: unknown) => error as ServiceError,
  );
}

describe('the sample provider', () => {
  test('tells the groups that the boot roles open, and for how long that holds', async () => {
    await using provider = await startProvider({ listen: '127.0.0.1:0' });
    const answer = await ask(provider.url);
    expect(JSON.parse(answer.json.toString())).toEqual({ host: 'mail-1', groups: ['users'] });
    expect(answer.cacheControl).toBe('max-age=120');
  });

  test('turns away a caller without a token', async () => {
    await using provider = await startProvider({ listen: '127.0.0.1:0' });
    expect((await failure(ask(provider.url, { token: '' }))).code).toBe(status.UNAUTHENTICATED);
  });

  test('refuses a request about no instance', async () => {
    await using provider = await startProvider({ listen: '127.0.0.1:0' });
    const asked = ask(provider.url, { request: { ...INSTANCE, instanceId: '' } });
    expect((await failure(asked)).code).toBe(status.INVALID_ARGUMENT);
  });

  test('says when to come back while in maintenance', async () => {
    await using provider = await startProvider({ listen: '127.0.0.1:0', maintenance: true });
    const error = await failure(ask(provider.url));
    expect(error.code).toBe(status.UNAVAILABLE);
    expect(error.metadata.get('retry-after')).toEqual(['30']);
  });

  test('serves TLS and asks for a client certificate where told so', async () => {
    await using certificates = await createTestCertificates();
    const server = await certificates.issue({ name: 'provider' });
    const client = await certificates.issue({ name: 'hallmark' });
    await using provider = await startProvider({
      listen: '127.0.0.1:0',
      tls: { ...server, clientCaFile: certificates.caFile },
    });
    expect(provider.url).toMatch(/^grpcs:/);

    const authority = readFileSync(certificates.caFile);
    const withCertificate = credentials.createSsl(
      authority,
      readFileSync(client.keyFile),
      readFileSync(client.certFile),
    );
    expect((await ask(provider.url, { channel: withCertificate })).cacheControl).toBe('max-age=120');
    expect((await failure(ask(provider.url, { channel: credentials.createSsl(authority) }))).code).toBe(
      status.UNAVAILABLE,
    );
  });
});
