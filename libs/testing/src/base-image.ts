import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { ImageName } from 'testcontainers';
import type { ContainerRuntimeClient } from 'testcontainers';
import { followBuild } from './build-progress.ts';

const OFFICIAL = 'debian:bookworm-slim';

const SOURCES = `\
deb http://deb.debian.org/debian bookworm main
deb http://deb.debian.org/debian bookworm-updates main
deb http://deb.debian.org/debian-security bookworm-security main
`;
// What Debian's own slim image does as well: no manuals, no flushing to disk at each step of an installation,
// and no service starts while it is installed.
const LEAN = `\
force-unsafe-io
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/locale/*
`;
const NO_SERVICES = '#!/bin/sh\nexit 101\n';

const RECIPE = createHash('sha256')
  .update(SOURCES)
  .update(LEAN)
  .update(NO_SERVICES)
  .digest('hex')
  .slice(0, 12);
const BOOTSTRAPPED = `hallmark-test/debian:bookworm-${RECIPE}`;

/**
 * The image that all test images begin with: Debian's own where it is present or can be pulled; where no
 * registry can be reached, one made from the Debian mirror, which takes root and `debootstrap`.
 */
export async function ensureBaseImage(client: ContainerRuntimeClient): Promise<string> {
  for (const name of [OFFICIAL, BOOTSTRAPPED]) {
    if (await client.image.exists(ImageName.fromString(name))) return name;
  }
  try {
    await client.image.pull(ImageName.fromString(OFFICIAL));
    return OFFICIAL;
  } catch (pullFailure) {
    try {
      await bootstrap(client);
      return BOOTSTRAPPED;
    } catch (cause) {
      throw new Error(
        `No base image: ${OFFICIAL} cannot be pulled (${reasonOf(pullFailure)}) and none can be made (${reasonOf(cause)}).`,
        { cause },
      );
    }
  }
}

async function bootstrap(client: ContainerRuntimeClient): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'hallmark-debian-'));
  const root = join(folder, 'root');
  try {
    await run('debootstrap', ['--variant=minbase', 'bookworm', root, 'http://deb.debian.org/debian']);
    await writeFile(join(root, 'etc/apt/sources.list'), SOURCES);
    await mkdir(join(root, 'etc/dpkg/dpkg.cfg.d'), { recursive: true });
    await writeFile(join(root, 'etc/dpkg/dpkg.cfg.d/lean'), LEAN);
    await writeFile(join(root, 'usr/sbin/policy-rc.d'), NO_SERVICES, { mode: 0o755 });
    await importTree(client, root);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function importTree(client: ContainerRuntimeClient, root: string): Promise<void> {
  const leftOut = ['./var/cache/apt/archives/*.deb', './var/lib/apt/lists/*', './usr/share/doc/*'];
  const tar = spawn('tar', ['-C', root, ...leftOut.map((path) => `--exclude=${path}`), '-c', '.'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const exit = once(tar, 'exit');
  const [repo, tag] = BOOTSTRAPPED.split(':');
  const { dockerode } = client.container;
  await followBuild(dockerode, await dockerode.importImage(tar.stdout, { repo, tag }));
  const [code] = (await exit) as [number | null];
  if (code !== 0) throw new Error(`tar ended with ${String(code)}`);
}

async function run(command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2_000)));
  await once(child, 'spawn');
  const [code] = (await once(child, 'exit')) as [number | null];
  await finished(child.stdout);
  if (code !== 0) throw new Error(`${command} ended with ${String(code)}: ${said}`);
}

const reasonOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));
