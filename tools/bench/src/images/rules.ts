import type { Child } from '../child.ts';
import { OWN_INSTANCE } from '../load/plan.ts';
import { rowOf, sample, type Row, type Sample } from '../sample.ts';
import type { ImagesHouse } from './house.ts';
import { importSample } from './imports.ts';
import type { ImagesScale } from './scale.ts';

const CONNECTIONS = 8;
/** As many as an image of a distribution has. */
const PROPERTIES = 20;

export interface RulesResult {
  readonly rows: readonly Row[];
  /** More CPU time of images for an import under many rules than under few, in ms. NaN without `/proc`. */
  readonly importMs: number;
  /** The same of a create, none of whose property names has been seen before. */
  readonly freshMs: number;
}

/** (d) Creates and imports under few and under many property protection rules, of which the last one decides. */
export async function measureRules(
  house: ImagesHouse,
  client: Child<'load-client'>,
  importer: Child<'importer'>,
  { rounds, creates, imports, fewRules, manyRules }: ImagesScale,
): Promise<RulesResult> {
  const create = async (names: (index: number) => string): Promise<Sample> => {
    const properties = Array.from({ length: PROPERTIES }, (_, index) => [names(index), 'x']);
    const body = JSON.stringify({ name: 'ruled', ...Object.fromEntries(properties) });
    const { port, memberHeaders } = house;
    const headers = { ...memberHeaders, 'Content-Type': 'application/json' };
    const plan = { kind: 'post' as const, port, path: '/v2/images', headers, body };
    return await sample(client, { ...plan, connections: CONNECTIONS, requests: creates }, house.watched);
  };
  const known = async (): Promise<Sample> => create((index) => `property_${index}`);
  const fresh = async (): Promise<Sample> => create((index) => `property_${index}_${OWN_INSTANCE}`);
  const imported = async (): Promise<Sample> => importSample(house, importer, imports);

  const lines = [fewRules, manyRules].map((rules) => ({
    rules,
    measures: [
      { name: `create, ${PROPERTIES} properties`, take: known, samples: [] as Sample[] },
      { name: `create, ${PROPERTIES} names never seen`, take: fresh, samples: [] as Sample[] },
      { name: 'import', take: imported, samples: [] as Sample[] },
    ],
  }));
  // The first round is not counted: programs are faster when they have done something before.
  for (let round = -1; round < rounds; round++) {
    for (const { rules, measures } of lines) {
      await house.protect(rules);
      for (const { take, samples } of measures) {
        const taken = await take();
        if (round >= 0) samples.push(taken);
      }
    }
  }
  const rows = lines.map(({ rules, measures }) =>
    measures.map(({ name, samples }) => rowOf(`${name}, ${rules} rules`, samples)),
  );
  const more = (index: number): number => {
    const [few, many] = rows.map((of) => of[index]?.cpuMsPerRequest['images'] ?? NaN);
    return (many ?? NaN) - (few ?? NaN);
  };
  return { rows: rows.flat(), freshMs: more(1), importMs: more(2) };
}
