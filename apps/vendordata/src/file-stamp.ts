import { stat } from 'node:fs/promises';
import { errorCode } from './error-code.ts';

/**
 * Another one whenever the file behind the path was written or replaced, by a rename or, as Kubernetes
 * does, by changing a link on the way to it.
 */
export async function fileStamp(path: string): Promise<string> {
  try {
    const { mtimeNs, ctimeNs, ino, dev, size } = await stat(path, { bigint: true });
    return [mtimeNs, ctimeNs, ino, dev, size].join(' ');
  } catch (cause) {
    return errorCode(cause);
  }
}
