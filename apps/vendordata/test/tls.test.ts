import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import {
  createTestCertificates,
  startFakeProvider,
  startFakeTarget,
  type CertificateFiles,
  type TestCertificates,
} from '@hallmark/testing';
import { listed, openHouse, type House } from './house.ts';

let certificates: TestCertificates;
let server: CertificateFiles;
const opened: AsyncDisposable[] = [];

beforeAll(async () => {
  certificates = await createTestCertificates();
  server = await certificates.issue({ name: 'target', usage: 'server' });
});
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]();
});
afterAll(async () => {
  await certificates[Symbol.asyncDispose]();
});

function keep<T extends AsyncDisposable>(one: T): T {
  opened.push(one);
  return one;
}

const open = async (url: string, ini: string): Promise<House> =>
  keep(await openHouse(listed({ cmdb: url }) + ini));

const novaAuthorities = (): string => `vendordata_dynamic_ssl_certfile = ${certificates.caFile}\n`;

describe('an HTTPS target', () => {
  test.each(['https', 'HTTPS', 'Https'])(
    'is verified against the authorities of Nova: %s://',
    async (scheme) => {
      const target = keep(await startFakeTarget({ json: 1 }, { tls: server }));
      const url = target.url.replace('https', scheme);
      const trusting = await open(url, novaAuthorities());
      expect(await trusting.document()).toMatchObject({ cmdb: { json: '1' } });
      const strange = await open(url, '');
      expect((await strange.probe('cmdb')).failure?.reason).toBe('TLS_FAILED');
      expect(target.requests).toHaveLength(1);
    },
  );

  test('with a certificate of another name or of the past is not trusted', async () => {
    const named = await certificates.issue({ name: 'other', dns: ['other.test'], ip: ['192.0.2.1'] });
    const past = await certificates.issue({ name: 'past', notAfter: new Date(Date.now() - 1_000) });
    for (const tls of [named, past]) {
      const target = keep(await startFakeTarget({ json: 1 }, { tls }));
      const house = await open(target.url, novaAuthorities());
      const { failure } = await house.probe('cmdb');
      expect(failure?.reason).toBe('TLS_FAILED');
      expect(failure?.message).toMatch(/ERR_TLS_CERT_ALTNAME_INVALID|CERT_HAS_EXPIRED/);
      expect(target.requests).toEqual([]);
    }
  });

  test('is shown the client certificate of the service account', async () => {
    const client = await certificates.issue({ name: 'nova', usage: 'client' });
    const target = keep(await startFakeTarget({ json: 1 }, { tls: server, requireClientCertificate: true }));
    const without = await open(target.url, novaAuthorities());
    // With TLS 1.3 the client has connected before the server refuses it.
    expect((await without.probe('cmdb')).failure?.reason).toMatch(/^(TLS_FAILED|RESET)$/);
    expect(target.requests).toEqual([]);
    const having = await open(
      target.url,
      `${novaAuthorities()}[vendordata_dynamic_auth]\ncertfile = ${client.certFile}\nkeyfile = ${client.keyFile}\n`,
    );
    expect(await having.document()).toMatchObject({ cmdb: { json: '1' } });
  });

  test('that speaks plain HTTP is a failure of TLS', async () => {
    const target = keep(await startFakeTarget());
    const house = await open(target.url.replace('http', 'https'), novaAuthorities());
    expect((await house.probe('cmdb')).failure?.reason).toBe('TLS_FAILED');
  });
});

describe('a gRPC target with TLS', () => {
  test('is verified', async () => {
    const provider = keep(await startFakeProvider({ json: '1' }, { tls: server }));
    const trusting = await open(provider.url, novaAuthorities());
    expect(await trusting.document()).toMatchObject({ cmdb: { json: '1' } });
    const strange = await open(provider.url, '');
    expect((await strange.probe('cmdb')).failure?.reason).toBe('TLS_FAILED');
    expect(provider.calls).toHaveLength(1);
  });
});
