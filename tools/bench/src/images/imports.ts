import type { Child } from '../child.ts';
import { rowOf, sample, type Row, type Sample } from '../sample.ts';
import type { ImagesHouse } from './house.ts';
import type { ImagesScale } from './scale.ts';

const CONNECTIONS = 8;
const BYTES = 1024;

export interface ImportsResult {
  readonly rows: readonly Row[];
}

/** (b) Images of 1 KiB, each created, staged, imported by glance-direct and active. */
export async function measureImports(
  house: ImagesHouse,
  importer: Child<'importer'>,
  { rounds, imports }: ImagesScale,
): Promise<ImportsResult> {
  await importSample(house, importer, imports);
  const samples: Sample[] = [];
  for (let round = 0; round < rounds; round++) samples.push(await importSample(house, importer, imports));
  return { rows: [rowOf('created, staged, imported', samples)] };
}

export async function importSample(
  { port, memberHeaders: headers, watched }: ImagesHouse,
  importer: Child<'importer'>,
  images: number,
): Promise<Sample> {
  return await sample(importer, { port, connections: CONNECTIONS, headers, images, bytes: BYTES }, watched);
}
