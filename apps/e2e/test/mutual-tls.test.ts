import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  createTestCertificates,
  startFakeKeystone,
  startFakeTarget,
  type CertificateFiles,
  type FakeKeystone,
  type FakeTarget,
  type TestCertificates,
} from '@hallmark/testing';
import type { AppName } from '@hallmark/serve';
import { House, keystoneConfig, novaBody, type Answer } from './house.ts';

jest.setTimeout(120_000);

const rpcSection = ({ certFile, keyFile, caFile }: CertificateFiles): string =>
  `[rpc]\ncert_file = ${certFile}\nkey_file = ${keyFile}\nca_file = ${caFile}\n`;

describe('between processes with mutual TLS', () => {
  let authority: TestCertificates;
  let keystone: FakeKeystone;
  let target: FakeTarget;
  let house: House;
  beforeAll(async () => {
    authority = await createTestCertificates();
    keystone = await startFakeKeystone();
    target = await startFakeTarget({ json: { ok: true } });
    // The second gateway has a certificate of the same authority, under a name that nobody allows.
    const names: Partial<Record<AppName, readonly string[]>> = {
      ...{ identity: ['identity'], vendordata: ['vendordata'], gateway: ['gateway', 'stranger'] },
    };
    const issued = new Map<string, CertificateFiles>();
    for (const name of Object.values(names).flat())
      issued.set(name, await authority.issue({ name, dns: [name] }));
    house = await House.start({
      config: `${keystoneConfig(keystone.url, 'hallmark-secret')}
[vendordata_target:one]
url = ${target.url}
failure = fatal
[identity]
allowed_clients = gateway, vendordata
[vendordata]
allowed_clients = gateway
`,
      replicas: { gateway: 2 },
      configOf: (app, index) => {
        const files = issued.get(names[app]?.[index] ?? '');
        return files ? rpcSection(files) : '';
      },
      unready: true, // the second gateway never is
    });
    for (const app of ['identity', 'vendordata', 'gateway'] as const) await house.untilReady(house.one(app));
  });
  afterAll(async () => {
    await house[Symbol.asyncDispose]();
    for (const server of [target, keystone, authority]) await server[Symbol.asyncDispose]();
  });
  const ask = (gateway: number): Promise<Answer> =>
    house.post(novaBody(randomUUID()), { token: keystone.issue({ user: 'nova' }), gateway });

  test('those whose names are allowed work together', async () => {
    expect(await ask(0)).toMatchObject({ status: 200, text: '{"one": {"ok":true}}' });
  });

  test('one whose name is not gets nothing, and its caller is told that it is down', async () => {
    const before = target.requests.length;

    expect(await ask(1)).toMatchObject({
      status: 503,
      text: expect.stringContaining('"PEER_NOT_ALLOWED"'),
    });
    expect(target.requests.length).toBe(before);
  });

  test('one without a certificate of the authority is not heard', async () => {
    await using another = await createTestCertificates('Another CA');
    const foreign = await another.issue({ name: 'gateway' });
    const known = await authority.issue({ name: 'gateway-2', dns: ['gateway'] });

    for (const app of ['identity', 'vendordata'] as const) {
      const { port } = house.one(app);
      expect(await greeting(app, port, undefined)).toBe('none');
      expect(await greeting(app, port, foreign)).toBe('none');
      expect(await greeting(app, port, known)).toBe('HTTP/2');
    }
  });

  test('one that speaks no TLS is not heard', async () => {
    const socket = connect({ host: '127.0.0.1', port: house.one('vendordata').port });
    socket.on('error', () => undefined);
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    const heard: Buffer[] = [];
    socket.on('data', (data: Buffer) => heard.push(data));
    await once(socket, 'close');

    expect(Buffer.concat(heard).includes('HTTP')).toBe(false);
  });
});

/** Whether a server, once it has seen the certificate, begins to speak as HTTP/2 servers do, or hangs up. */
async function greeting(
  name: string,
  port: number,
  shown: CertificateFiles | undefined,
): Promise<'HTTP/2' | 'none'> {
  const identity = shown ? { cert: await readFile(shown.certFile), key: await readFile(shown.keyFile) } : {};
  const socket = connectTls({
    host: '127.0.0.1',
    port,
    // Who the server is matters to the other tests.
    rejectUnauthorized: false,
    servername: name,
    ALPNProtocols: ['h2'],
    ...identity,
  });
  try {
    return await new Promise((resolve) => {
      socket.once('data', () => resolve('HTTP/2'));
      socket.once('close', () => resolve('none'));
      socket.on('error', () => undefined);
    });
  } finally {
    socket.destroy();
  }
}
