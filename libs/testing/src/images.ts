import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ImageName, getContainerRuntimeClient } from 'testcontainers';
import type { ContainerRuntimeClient } from 'testcontainers';
import { ensureBaseImage } from './base-image.ts';
import { followBuild } from './build-progress.ts';

export const TEST_IMAGES = [
  'redis',
  'postgres',
  'keystone',
  'nova',
  'cloud-init',
  'openstackclient',
  'linux-guest',
  'swift',
] as const;
export type TestImage = (typeof TEST_IMAGES)[number];

const FOLDERS = join(import.meta.dirname, '../../../tools/test-images/images');
const IMAGE_LABEL = 'hallmark.test-image';

const ensured = new Map<TestImage, Promise<string>>();

/**
 * The full name of a test image, built first when this machine does not have it. The tag is a digest of
 * the image's folder: a change builds anew, and an image that is there costs one look.
 */
export async function ensureImage(image: TestImage): Promise<string> {
  let name = ensured.get(image);
  if (name === undefined) {
    name = buildIfAbsent(image);
    ensured.set(image, name);
    name.catch(() => ensured.delete(image)); // so that the next caller may try again
  }
  return await name;
}

async function buildIfAbsent(image: TestImage): Promise<string> {
  const client = await getContainerRuntimeClient();
  const folder = join(FOLDERS, image);
  const files = (await readdir(folder)).sort();
  const name = `hallmark-test/${image}:${await digestOf(folder, files)}`;
  if (await client.image.exists(ImageName.fromString(name))) return name;

  process.stderr.write(`building ${name} from Debian packages, once on this machine\n`);
  const { dockerode } = client.container;
  const output = await dockerode.buildImage(
    { context: folder, src: files },
    { t: name, buildargs: { BASE: await ensureBaseImage(client) }, labels: { [IMAGE_LABEL]: image } },
  );
  await followBuild(dockerode, output);
  await forgetOlder(client, image, name);
  return name;
}

async function digestOf(folder: string, files: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) {
    const content = await readFile(join(folder, file));
    hash.update(`${file}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex').slice(0, 12);
}

/** Removes the images that a change of the folder has left behind; one that a container still uses stays. */
async function forgetOlder(client: ContainerRuntimeClient, image: TestImage, current: string): Promise<void> {
  const { dockerode } = client.container;
  const images = await dockerode.listImages({ filters: { label: [`${IMAGE_LABEL}=${image}`] } });
  for (const tag of images.flatMap(({ RepoTags }) => RepoTags ?? [])) {
    if (tag !== current)
      await dockerode
        .getImage(tag)
        .remove()
        .catch(() => undefined);
  }
}
