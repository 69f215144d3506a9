import type { TargetReply } from '../domain/answer.ts';
import { errorCode } from '../error-code.ts';
import { failed } from './transport.ts';

/** Codes of Node's and OpenSSL's complaints about certificates and handshakes. */
const TLS_CODE =
  /^(ERR_TLS_|ERR_SSL_|ERR_OSSL_|CERT_|CRL_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|EPROTO$)/;
const CONNECT_CODE =
  /^(ECONNREFUSED|ENOTFOUND|EAI_\w+|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EADDRNOTAVAIL|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT|EACCES|EPERM)$/;

/**
 * What an error of the HTTP client says about the target. Only its code is repeated: a message
 * may quote what was sent.
 */
export function failureFromHttpError(error: unknown, phase: 'head' | 'body'): TargetReply {
  const code = errorCode(error);
  switch (code) {
    case 'UND_ERR_HEADERS_OVERFLOW':
      return failed('TOO_LARGE', 'The headers of the answer are too large.');
    case 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH':
      return failed('TRUNCATED', 'The answer is not as long as its Content-Length says.');
    case 'UND_ERR_SOCKET':
      return phase === 'body'
        ? failed('TRUNCATED', 'The target closed the connection before the answer was complete.')
        : failed('RESET', 'The target closed the connection without an answer.');
    case 'UND_ERR_CLOSED':
    case 'UND_ERR_DESTROYED':
      return failed('CANCELLED', 'The target was taken out of use meanwhile.');
    case 'ECONNRESET':
    case 'EPIPE':
      return failed('RESET', `The target reset the connection (${code}).`);
  }
  if (code === 'HTTPParserError' || code.startsWith('HPE_')) {
    return failed('RESET', 'The target sent something that is not HTTP.');
  }
  if (TLS_CODE.test(code)) return failed('TLS_FAILED', `No trusted connection to the target (${code}).`);
  if (CONNECT_CODE.test(code)) return failed('CONNECT_FAILED', `No connection to the target (${code}).`);
  return failed('RESET', `The exchange with the target broke off (${code}).`);
}
