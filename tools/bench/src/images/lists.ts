import type { Child } from '../child.ts';
import { rowOf, sample, type Row, type Sample } from '../sample.ts';
import type { ImagesHouse } from './house.ts';
import { imageNumber } from './registry.ts';
import type { ImagesScale } from './scale.ts';

const CONNECTIONS = 2;
/** One of the project's images, about the middle of the first thousand. */
const OWN_NUMBER = 471;

/** What clients ask for: by what they filter and sort, as a member of a project or as an administrator. */
interface List {
  readonly name: string;
  readonly query: string;
  readonly isAdmin?: boolean;
}

/** A list, measured among more and more images. */
export interface ListRow {
  readonly name: string;
  /** Images on its page, by the number of images that there are. */
  readonly onPage: readonly number[];
  /** In the same order. */
  readonly rows: readonly Row[];
  /** p99 among the most images, as a multiple of p99 among the fewest. */
  readonly mostOverFewest: number;
}

export interface ListsResult {
  /** Numbers of images. */
  readonly registries: readonly number[];
  readonly lists: readonly ListRow[];
}

/** (c) Pages of lists among few images and among many. */
export async function measureLists(
  house: ImagesHouse,
  client: Child<'load-client'>,
  { rounds, pages, registries }: ImagesScale,
  say: (line: string) => void,
): Promise<ListsResult> {
  const lists = listsOf(house.listProject);
  const onPage = lists.map((): number[] => []);
  const rows = lists.map((): Row[] => []);
  await house.registry.clear();
  let filled = 0;
  for (const images of registries) {
    say(`(c) filling the registry with ${images} images`);
    await house.registry.fill(filled + 1, images);
    filled = images;
    const samples = lists.map((): Sample[] => []);
    // The first round is not counted: what is on disk must be read once.
    for (let round = -1; round < rounds; round++) {
      for (const [index, list] of lists.entries()) {
        const taken = await readPages(house, client, list, pages);
        if (round >= 0) samples[index]?.push(taken);
      }
    }
    for (const [index, list] of lists.entries()) {
      onPage[index]?.push(await countOnPage(house, list));
      rows[index]?.push(rowOf(`${list.name}, ${images} images`, samples[index] ?? []));
    }
  }
  return {
    registries,
    lists: lists.map(({ name }, index) => {
      const own = rows[index] ?? [];
      const mostOverFewest = (own.at(-1)?.p99Ms ?? NaN) / (own[0]?.p99Ms ?? NaN);
      return { name, onPage: onPage[index] ?? [], rows: own, mostOverFewest };
    }),
  };
}

function listsOf(project: string): List[] {
  const latest = 'name=distribution-3&visibility=public&status=active&sort=created_at:desc&limit=1';
  return [
    { name: 'a page', query: '' },
    { name: 'the page behind a marker', query: `marker=${imageNumber(OWN_NUMBER)}` },
    { name: '100 at once', query: 'limit=100' },
    { name: 'by a name', query: 'name=distribution-3' },
    { name: 'by a name that none has', query: 'name=none' },
    { name: 'by a tag that half of all have', query: 'tag=often' },
    { name: 'by a tag that few have', query: 'tag=seldom' },
    { name: 'by a property of a quarter', query: 'os_distro=debian' },
    { name: 'by a property of few', query: 'seldom=yes' },
    { name: 'by two properties', query: 'os_distro=debian&hw_disk_bus=scsi' },
    { name: 'by status', query: 'status=queued' },
    { name: 'made since', query: 'created_at=gte:2025-01-01T02:00:00Z' },
    { name: 'in the order of names', query: 'sort=name:asc' },
    { name: 'in the order of sizes', query: 'sort=size:desc' },
    { name: 'in the order of changes', query: 'sort=updated_at:desc' },
    { name: 'own', query: `owner=${project}` },
    { name: 'own, active, by a tag', query: `owner=${project}&status=active&tag=often` },
    { name: 'private', query: 'visibility=private' },
    { name: 'public', query: 'visibility=public' },
    { name: 'public, by a property', query: 'visibility=public&os_distro=debian' },
    { name: 'public, in the order of names', query: 'visibility=public&sort=name:asc' },
    { name: 'the latest public one of a name', query: latest },
    { name: 'shared', query: 'visibility=shared' },
    { name: 'shared, not accepted yet', query: 'visibility=shared&member_status=pending' },
    { name: 'shared, by a property', query: 'visibility=shared&os_distro=debian' },
    { name: 'shared, accepted or not, by a tag', query: 'visibility=shared&member_status=all&tag=seldom' },
    { name: 'hidden', query: 'os_hidden=true' },
    { name: 'all that may be seen', query: 'visibility=all' },
    { name: 'administrator: a page', query: '', isAdmin: true },
    { name: "administrator: a project's", query: `owner=${project}`, isAdmin: true },
    { name: 'administrator: by a name', query: 'name=distribution-3', isAdmin: true },
    { name: 'administrator: by status', query: 'status=queued', isAdmin: true },
  ];
}

const pathOf = ({ query }: List): string => `/v2/images?${query}`;

async function readPages(
  { port, watched, ...house }: ImagesHouse,
  client: Child<'load-client'>,
  list: List,
  pages: number,
): Promise<Sample> {
  const headers = list.isAdmin === true ? house.adminHeaders : house.listHeaders;
  const visitors = Array.from({ length: pages }, () => ({ headers }));
  const paths = [pathOf(list)];
  return await sample(client, { kind: 'visit', port, connections: CONNECTIONS, paths, visitors }, watched);
}

async function countOnPage(house: ImagesHouse, list: List): Promise<number> {
  const headers = list.isAdmin === true ? house.adminHeaders : house.listHeaders;
  const page = (await house.ask('GET', pathOf(list), { headers })) as { images: unknown[] };
  return page.images.length;
}
