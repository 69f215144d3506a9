import { isUtf8 } from 'node:buffer';

/** Nova keeps it in four pieces of 255. */
const MAX_BYTES = 1_020;

/** Whether a guest may post this as its password. What it means is the guest's and its owner's business. */
export const isAcceptablePassword = (password: Buffer): boolean =>
  password.length <= MAX_BYTES && isUtf8(password);
