// @peculiar/x509 injects its parsers through decorators and needs the Reflect API before it loads.
import 'reflect-metadata';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { webcrypto } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';

/** What `[rpc] cert_file`, `key_file` and `ca_file` take, and every listener or target with TLS. */
export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
}

export interface CertificateRequest {
  /** Common name, and the stem of the files. */
  readonly name: string;
  /** DNS names it stands for. Default: `name` and `localhost`. */
  readonly dns?: readonly string[];
  /** Addresses it stands for. Default: both loopback addresses. */
  readonly ip?: readonly string[];
  /** What it may be used for. Default: both. */
  readonly usage?: 'server' | 'client' | 'both';
  /** Default: in a day. A date in the past makes an expired certificate. */
  readonly notAfter?: Date;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;
const USAGES = {
  server: [x509.ExtendedKeyUsage.serverAuth],
  client: [x509.ExtendedKeyUsage.clientAuth],
  both: [x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth],
};

/** An authority of a test's own, and the certificates it signs, as PEM files in a folder that ends with it. */
export class TestCertificates implements AsyncDisposable {
  readonly folder: string;
  readonly caFile: string;
  readonly #authority: x509.X509Certificate;
  readonly #authorityKey: webcrypto.CryptoKey;

  private constructor(folder: string, authority: x509.X509Certificate, key: webcrypto.CryptoKey) {
    this.folder = folder;
    this.caFile = join(folder, 'ca.pem');
    this.#authority = authority;
    this.#authorityKey = key;
  }

  static async create(authorityName: string): Promise<TestCertificates> {
    const keys = await webcrypto.subtle.generateKey(ALGORITHM, false, ['sign', 'verify']);
    const authority = await x509.X509CertificateGenerator.createSelfSigned(
      {
        name: `CN=${authorityName}`,
        notBefore: new Date(Date.now() - DAY_MS),
        notAfter: new Date(Date.now() + DAY_MS),
        keys,
        signingAlgorithm: ALGORITHM,
        extensions: [
          new x509.BasicConstraintsExtension(true, 0, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
          await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
        ],
      },
      webcrypto,
    );
    const certificates = new TestCertificates(
      await mkdtemp(join(tmpdir(), 'hallmark-certificates-')),
      authority,
      keys.privateKey,
    );
    await writeFile(certificates.caFile, authority.toString('pem'));
    return certificates;
  }

  /** Signs a new key pair. Asking again for the same name replaces its files, as a renewal does. */
  async issue(request: CertificateRequest): Promise<CertificateFiles> {
    const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
    const notAfter = request.notAfter ?? new Date(Date.now() + DAY_MS);
    const certificate = await x509.X509CertificateGenerator.create(
      {
        subject: `CN=${request.name}`,
        issuer: this.#authority.subject,
        notBefore: new Date(Math.min(Date.now(), notAfter.getTime()) - DAY_MS),
        notAfter,
        publicKey: keys.publicKey,
        signingKey: this.#authorityKey,
        signingAlgorithm: ALGORITHM,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension(USAGES[request.usage ?? 'both']),
          new x509.SubjectAlternativeNameExtension([
            ...(request.dns ?? [request.name, 'localhost']).map((value) => ({ type: 'dns' as const, value })),
            ...(request.ip ?? ['127.0.0.1', '::1']).map((value) => ({ type: 'ip' as const, value })),
          ]),
          await x509.AuthorityKeyIdentifierExtension.create(this.#authority, false),
        ],
      },
      webcrypto,
    );
    const certFile = join(this.folder, `${request.name}.pem`);
    const keyFile = join(this.folder, `${request.name}.key`);
    const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
    await writeFile(certFile, certificate.toString('pem'));
    await writeFile(keyFile, x509.PemConverter.encode(key, 'PRIVATE KEY'), { mode: 0o600 });
    return { certFile, keyFile, caFile: this.caFile };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

export async function createTestCertificates(authorityName = 'Hallmark test CA'): Promise<TestCertificates> {
  return await TestCertificates.create(authorityName);
}
