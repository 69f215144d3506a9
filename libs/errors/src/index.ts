export {
  HallmarkError,
  conflict,
  forbidden,
  invalid,
  notFound,
  notReady,
  overQuota,
  timeout,
  unauthenticated,
  unavailable,
} from './hallmark-error.ts';
export type { ErrorCode, HallmarkErrorOptions } from './hallmark-error.ts';
