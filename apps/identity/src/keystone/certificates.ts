import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { errorCode } from './error-code.ts';

export type CertificateOption = 'cafile' | 'certfile' | 'keyfile';

/** PEM texts for a connection. */
export interface Certificates {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/**
 * Reads the files that `cafile`, `certfile` and `keyfile` name, and tells `fault` of those that are
 * of no use. As for keystoneauth, `certfile` may hold the key as well.
 */
export function readCertificates(
  paths: Readonly<Partial<Record<CertificateOption, string | undefined>>>,
  fault: (option: CertificateOption, message: string) => void,
): Certificates {
  const read = (option: CertificateOption): string | undefined => {
    const path = paths[option];
    if (path === undefined || path === '') return undefined;
    try {
      return readFileSync(path, 'utf8');
    } catch (thrown) {
      fault(option, `cannot be read (${errorCode(thrown)})`);
      return undefined;
    }
  };
  const ca = read('cafile');
  const cert = read('certfile');
  const key = paths.keyfile ? read('keyfile') : cert;
  // A connection would take a file without any certificate and then trust nobody.
  if (ca !== undefined) check('cafile', 'holds no certificate', () => new X509Certificate(ca));
  if (cert !== undefined && key !== undefined) {
    check('certfile', 'holds no certificate, or not the one of the key', () =>
      createSecureContext({ cert, key }),
    );
  }
  return { ca, cert, key };

  function check(option: CertificateOption, message: string, attempt: () => unknown): void {
    try {
      attempt();
    } catch (thrown) {
      fault(option, `${message} (${errorCode(thrown)})`);
    }
  }
}
