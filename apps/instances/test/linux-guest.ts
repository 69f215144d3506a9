import { Container } from '@hallmark/testing';

export interface AttachedDrive {
  readonly bus: 'disk' | 'cdrom';
  readonly bytes: Buffer;
}

/** What a guest's kernel found on a drive that is labelled `config-2`. */
export interface SeenDrive {
  readonly type: string;
  /** For each way in which it was mounted, by the options of `mount`: what was there. */
  readonly mounts: Readonly<Record<string, SeenFiles>>;
}

/** By path. */
export interface SeenFiles {
  readonly sizes: Readonly<Record<string, number>>;
  /** SHA-256. */
  readonly digests: Readonly<Record<string, string>>;
}

/** A virtual machine with a Linux kernel of its own, which mounts config drives as guests do. */
export class LinuxGuest implements AsyncDisposable {
  readonly #container: Container;

  private constructor(container: Container) {
    this.#container = container;
  }

  static async start(): Promise<LinuxGuest> {
    const ready = (started: Container): Promise<string> => started.exec(['qemu-system-x86_64', '--version']);
    return new LinuxGuest(await Container.start({ image: 'linux-guest', ports: [], ready }));
  }

  /** Boots it with drives, and gives what it found on them, by device, before it switched itself off. */
  async boot(...drives: readonly AttachedDrive[]): Promise<Record<string, SeenDrive>> {
    const attached: string[] = [];
    for (const [index, { bus, bytes }] of drives.entries()) {
      const path = `/drive-${index}`;
      await this.#container.put(path, bytes);
      attached.push(bus, path);
    }
    return seenIn(await this.#container.exec(['sh', '/opt/hallmark/boot', ...attached]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#container[Symbol.asyncDispose]();
  }
}

function seenIn(said: string): Record<string, SeenDrive> {
  const [console, rest] = said.replaceAll('\r', '').split('=== end\n');
  if (console === undefined || rest === undefined)
    throw new Error(`The guest did not get to its end:\n${said}`);
  const drives = console.split('=== drive ').slice(1);
  return Object.fromEntries(drives.map(driveIn));
}

function driveIn(section: string): [device: string, drive: SeenDrive] {
  const [named = '', ...mounts] = section.split('=== mount ');
  const [device = '', type = ''] = named.trim().split(' ');
  return [device, { type, mounts: Object.fromEntries(mounts.map(mountIn)) }];
}

function mountIn(section: string): [options: string, files: SeenFiles] {
  const [options = '', ...lines] = section.split('\n');
  const found = (pattern: RegExp): [path: string, value: string][] =>
    lines.flatMap((line) => {
      const [, value, path] = pattern.exec(line) ?? [];
      return value === undefined || path === undefined ? [] : [[path, value]];
    });
  const sizes = found(/^(\d+) \.\/(.+)$/).map(([path, bytes]) => [path, Number(bytes)] as const);
  const digests = found(/^([\da-f]{64}) {2}\.\/(.+)$/);
  return [options, { sizes: Object.fromEntries(sizes), digests: Object.fromEntries(digests) }];
}
