import { readFileSync } from 'node:fs';
import { ChannelCredentials, ServerCredentials, type ServerUnaryCall } from '@grpc/grpc-js';
import { forbidden } from '@hallmark/errors';

/** What a TLS client showed; null without TLS. */
type AuthContext = ReturnType<ServerUnaryCall<unknown, unknown>['getAuthContext']>;

/** The three PEM files with which a process proves itself to the others, and checks them. */
export interface MutualTls {
  certFile: string;
  keyFile: string;
  /** Authority that signed every process's certificate. */
  caFile: string;
}

/** Reads the options of `[rpc]`. Undefined where none is set: plaintext. */
export function mutualTls(options: {
  cert_file?: string | undefined;
  key_file?: string | undefined;
  ca_file?: string | undefined;
}): MutualTls | undefined {
  const { cert_file: certFile, key_file: keyFile, ca_file: caFile } = options;
  if (!certFile && !keyFile && !caFile) return undefined;
  if (!certFile || !keyFile || !caFile) {
    throw new Error('[rpc] cert_file, key_file and ca_file go together: set all three, or none.');
  }
  return { certFile, keyFile, caFile };
}

export function serverCredentials(tls: MutualTls | undefined): ServerCredentials {
  if (!tls) return ServerCredentials.createInsecure();
  const pair = { private_key: readFileSync(tls.keyFile), cert_chain: readFileSync(tls.certFile) };
  return ServerCredentials.createSsl(readFileSync(tls.caFile), [pair], true);
}

export function channelCredentials(tls: MutualTls | undefined): ChannelCredentials {
  if (!tls) return ChannelCredentials.createInsecure();
  return ChannelCredentials.createSsl(
    readFileSync(tls.caFile),
    readFileSync(tls.keyFile),
    readFileSync(tls.certFile),
  );
}

/** The DNS names in the certificate that the client showed; none without TLS. */
export function peerNames(peer: AuthContext | null): string[] {
  const names = peer?.sslPeerCertificate?.subjectaltname?.split(', ') ?? [];
  return names.filter((name) => name.startsWith('DNS:')).map((name) => name.slice('DNS:'.length));
}

/** @throws HallmarkError `forbidden` when no name of the client's certificate is allowed. */
export function requirePeer(allowed: ReadonlySet<string>, peer: AuthContext | null): void {
  const names = peerNames(peer);
  if (!names.some((name) => allowed.has(name))) {
    throw forbidden(
      'PEER_NOT_ALLOWED',
      `This client certificate (${names.join(', ') || 'without a DNS name'}) is not among allowed_clients.`,
    );
  }
}
