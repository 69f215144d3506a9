import { spawnSync, type SpawnOptions } from 'node:child_process';
import { chown, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EmbeddedPostgresError } from './embedded-error.ts';

/** PostgreSQL refuses to run as root, and as a number without a name in /etc/passwd. This one is `nobody` nearly everywhere. */
const NOBODY = 65_534;

/** As whom PostgreSQL runs. */
export interface Account {
  /** How to start one of its programs. */
  command(program: string, args: readonly string[]): { file: string; args: string[]; options: SpawnOptions };
  /** Gives it a file or a directory. */
  own(path: string): Promise<void>;
}

const ourselves: Account = {
  command: (file, args) => ({ file, args: [...args], options: {} }),
  own: () => Promise.resolve(),
};

const nobody: Account = {
  command: (file, args) => ({ file, args: [...args], options: { uid: NOBODY, gid: NOBODY } }),
  own: (path) => chown(path, NOBODY, NOBODY),
};

/** Root under another number, in a user namespace: its files stay root's. */
const mappedRoot: Account = {
  command: (file, args) => ({
    file: 'unshare',
    args: ['--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`, file, ...args],
    options: {},
  }),
  own: () => Promise.resolve(),
};

/** The account that can reach all of these paths. */
export async function chooseAccount(paths: readonly string[]): Promise<Account> {
  if (process.getuid?.() !== 0) return ourselves;
  const unreachable = (await Promise.all(paths.map(closedFolder))).find((folder) => folder !== undefined);
  if (unreachable === undefined) return nobody;
  const { file, args } = mappedRoot.command('true', []);
  if (spawnSync(file, args, { stdio: 'ignore' }).status === 0) return mappedRoot;
  throw new EmbeddedPostgresError(
    `PostgreSQL does not run as root, and no other account may enter ${unreachable}. ` +
      'Make that directory searchable (chmod o+x), put [postgres] data_directory elsewhere, or do not run as root.',
  );
}

/** The first directory on the way to a path that `nobody` may not enter. */
async function closedFolder(path: string): Promise<string | undefined> {
  const parent = dirname(path);
  const closed = parent === path ? undefined : await closedFolder(parent);
  if (closed !== undefined) return closed;
  const { mode, uid } = await stat(path);
  const isOpen = uid === NOBODY ? (mode & 0o100) !== 0 : (mode & 0o001) !== 0;
  return isOpen ? undefined : path;
}
