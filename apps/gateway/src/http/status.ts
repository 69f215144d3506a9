import { STATUS_CODES } from 'node:http';
import type { ErrorCode } from '@hallmark/errors';

const HTTP = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'not-ready': 409,
  'over-quota': 429,
  unavailable: 503,
  timeout: 504,
} satisfies Record<ErrorCode, number>;

/** The one mapping of our error codes to HTTP. */
export const httpStatus = (code: ErrorCode): number => HTTP[code];

/** The words that go with a status, as the `title` of OpenStack's error bodies. */
export const titleOf = (status: number): string => STATUS_CODES[status] ?? 'Error';
