import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { createTestCertificates } from './certificates.ts';
import type { CertificateFiles, TestCertificates } from './certificates.ts';

describe('test certificates', () => {
  let authority: TestCertificates;
  let stranger: TestCertificates;
  beforeAll(async () => {
    authority = await createTestCertificates();
    stranger = await createTestCertificates('Another CA');
  });
  afterAll(async () => {
    await authority[Symbol.asyncDispose]();
    await stranger[Symbol.asyncDispose]();
  });

  const pem = (files: CertificateFiles) => ({
    cert: readFileSync(files.certFile),
    key: readFileSync(files.keyFile),
    ca: readFileSync(files.caFile),
  });

  /** What the server sees of the client's certificate, over a connection that both sides verify. */
  async function shakeHands(server: CertificateFiles, client: CertificateFiles): Promise<string | undefined> {
    const listener = createServer({ ...pem(server), requestCert: true, rejectUnauthorized: true });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const accepted = new Promise<string | undefined>((resolve, reject) => {
      listener.on('secureConnection', (socket: TLSSocket) =>
        resolve(socket.getPeerCertificate().subjectaltname),
      );
      listener.on('tlsClientError', reject);
    });
    const { port } = listener.address() as AddressInfo;
    const socket = connect({ ...pem(client), host: '127.0.0.1', port });
    const connected = once(socket, 'secureConnect');
    try {
      const [names] = await Promise.all([accepted, connected]);
      return names;
    } finally {
      connected.catch(() => undefined);
      accepted.catch(() => undefined);
      socket.on('error', () => undefined).destroy();
      listener.close();
    }
  }

  test('let two services of one authority verify each other', async () => {
    const server = await authority.issue({ name: 'vendordata', usage: 'server' });
    const client = await authority.issue({ name: 'gateway', dns: ['gateway.test'], ip: [], usage: 'client' });

    expect(await shakeHands(server, client)).toBe('DNS:gateway.test');
    expect(statSync(client.keyFile).mode & 0o777).toBe(0o600);
  });

  test('of another authority are refused', async () => {
    const server = await authority.issue({ name: 'vendordata' });
    const client = await stranger.issue({ name: 'gateway' });

    await expect(shakeHands(server, { ...client, caFile: authority.caFile })).rejects.toThrow();
  });

  test('that have expired are refused', async () => {
    const server = await authority.issue({ name: 'late', notAfter: new Date(Date.now() - 60_000) });
    const client = await authority.issue({ name: 'gateway' });

    await expect(shakeHands(server, client)).rejects.toThrow('expired');
  });
});
