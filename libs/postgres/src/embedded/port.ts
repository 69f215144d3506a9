import { readFile } from 'node:fs/promises';
import { freePort, isPortFree } from '@hallmark/runtime';

/** The port of the last time when nobody else has it, so that what is configured elsewhere stays true. */
export async function choosePort(rememberedIn: string): Promise<number> {
  const remembered = Number(await readFile(rememberedIn, 'utf8').catch(() => ''));
  if (remembered > 0 && remembered < 65_536 && (await isPortFree(remembered))) return remembered;
  return await freePort();
}
