import { Child } from '../child.ts';
import { openAccount, type Account } from '../measure/accounting.ts';
import { loadTable, type Report, type Table } from '../report.ts';
import { measureBytes, type BytesResult } from './bytes.ts';
import { startImagesHouse } from './house.ts';
import { measureImports, type ImportsResult } from './imports.ts';
import { measureLists, type ListsResult } from './lists.ts';
import { measureRules, type RulesResult } from './rules.ts';
import type { ImagesScale } from './scale.ts';
import { imagesVerdicts } from './verdicts.ts';

export interface ImagesResult extends Account {
  readonly bytes: BytesResult;
  readonly imports: ImportsResult;
  readonly rules: RulesResult;
  readonly lists: ListsResult;
}

/** Runs the measurements one after the other against one Hallmark. */
export async function benchImages(
  scale: ImagesScale,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<ImagesResult> {
  await using parts = new AsyncDisposableStack();
  const close = await openAccount();
  say('starting the processes');
  const house = await startImagesHouse(parts, signal);
  const { child: client } = await Child.start('load-client', {});
  parts.use(client);
  const { child: importer } = await Child.start('importer', {});
  parts.use(importer);
  // Whoever gives up does not wait for the measurement that is under way.
  for (const child of [client, importer])
    signal.addEventListener('abort', () => void child[Symbol.asyncDispose]());

  const step = async <T>(what: string, measure: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    say(what);
    return await measure();
  };
  const bytes = await step('(a) bytes', async () => measureBytes(house, scale, parts));
  const imports = await step('(b) imports', async () => measureImports(house, importer, scale));
  const rules = await step('(d) rules', async () => measureRules(house, client, importer, scale));
  // Last: it leaves a registry in which nothing else is meant to be measured.
  const lists = await step('(c) lists', async () => measureLists(house, client, scale, say));
  const ours = [...house.watched, ...bytes.contenders, client, importer];
  const account = await close(ours, [house.databasePid]);
  return { bytes, imports, rules, lists, ...account };
}

export function imagesReport(result: ImagesResult): Report {
  const { bytes, imports, rules, lists } = result;
  const download = bytes.shares.find(({ direction }) => direction === 'download');
  const upload = bytes.shares.find(({ direction }) => direction === 'upload');
  return {
    tables: [
      bytesTable(bytes),
      memoryTable(bytes),
      loadTable('(b) images of 1 KiB, 8 at a time', imports.rows),
      listsTable(lists),
      loadTable('(d) property protection rules, 8 connections', rules.rows),
    ],
    notes: [
      `(a) upload by CPU time, for comparison: ${shown(upload?.ofDirectByCpu)}; download: ${shown(download?.ofDirect)}, by CPU time ${shown(download?.ofDirectByCpu)}`,
      `(c) most images / fewest, p50 of the worst list, for comparison: ${shown(worstMedian(lists))}`,
      `(d) many rules cost images ${rules.importMs.toFixed(2)} ms of CPU more for an import, and ${rules.freshMs.toFixed(2)} ms for a create with names never seen`,
    ],
    verdicts: imagesVerdicts(result),
    account: result,
  };
}

/** Steadier than p99 on a busy machine. */
function worstMedian({ lists }: ListsResult): number {
  return Math.max(...lists.map(({ rows }) => (rows.at(-1)?.p50Ms ?? NaN) / (rows[0]?.p50Ms ?? NaN)));
}

const shown = (share = NaN): string => share.toFixed(2);

function bytesTable({ bytes, rows }: BytesResult): Table {
  return {
    heads: [`(a) ${mib(bytes)} MiB`, 'transfers', 'MB/s', 'seconds', 'CPU s per GiB'],
    lines: rows.map((row) => [
      row.name,
      String(row.transfers),
      row.megabytesPerSecond.toFixed(0),
      row.seconds.toFixed(2),
      Object.entries(row.cpuSecondsPerGiB)
        .map(([name, seconds]) => `${name} ${seconds.toFixed(2)}`)
        .join(', '),
    ]),
  };
}

function memoryTable({ memory }: BytesResult): Table {
  const processes = Object.keys(memory[0]?.peakMiB ?? {});
  return {
    heads: [
      '(a) peak memory',
      'MiB of data',
      ...processes.flatMap((name) => [`${name} MiB`, 'more than before']),
    ],
    lines: memory.map(({ name, bytes, peakMiB, growthMiB }) => [
      name,
      String(mib(bytes)),
      ...processes.flatMap((who) => [(peakMiB[who] ?? NaN).toFixed(0), (growthMiB[who] ?? NaN).toFixed(0)]),
    ]),
  };
}

const mib = (bytes: number): number => Math.round(bytes / 1024 ** 2);

function listsTable({ registries, lists }: ListsResult): Table {
  return {
    heads: [
      '(c) lists, 2 connections',
      'on the page',
      ...registries.flatMap((images) => [`${images}: p50 ms`, 'p99 ms']),
      'p99, most / fewest',
    ],
    lines: lists.map(({ name, onPage, rows, mostOverFewest }) => [
      name,
      String(onPage.at(-1) ?? NaN),
      ...rows.flatMap(({ p50Ms, p99Ms }) => [p50Ms.toFixed(2), p99Ms.toFixed(2)]),
      mostOverFewest.toFixed(2),
    ]),
  };
}
