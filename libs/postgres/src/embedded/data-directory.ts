import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { chooseAccount, type Account } from './account.ts';
import type { Binaries } from './binaries.ts';
import { EmbeddedPostgresError } from './embedded-error.ts';

export const USER = 'hallmark';

/** What an embedded PostgreSQL keeps, and who owns it. */
export interface DataDirectory {
  readonly account: Account;
  /** PostgreSQL's own directory. */
  readonly data: string;
  readonly passwordFile: string;
  readonly password: string;
  /** Remembers the port. */
  readonly portFile: string;
}

/** Makes the directory that everything is in, unless it is there, and gives its real path. */
export async function makeDirectory(path: string): Promise<string> {
  if (!existsSync(path)) {
    await mkdir(path, { recursive: true });
    await closeToOthers(path);
  }
  return await realpath(path);
}

/** Root's PostgreSQL runs under another account, which must be able to pass. Nobody else can look inside. */
export async function closeToOthers(directory: string): Promise<void> {
  await chmod(directory, process.getuid?.() === 0 ? 0o711 : 0o700);
}

/** Initializes the data directory when it has not been. One that was begun and not finished is made anew. */
export async function prepareData(
  directory: string,
  binaries: Binaries,
  durable: boolean,
): Promise<DataDirectory> {
  const account = await chooseAccount([directory, join(binaries.postgres, '..')]);
  const data = join(directory, 'data');
  const passwordFile = join(directory, 'password');
  if (!existsSync(data)) {
    await writeFile(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 });
    await account.own(passwordFile);
    const unfinished = join(directory, 'data.new');
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { mode: 0o700 });
    await account.own(unfinished);
    await initialize(binaries.initdb, account, unfinished, passwordFile, durable);
    await rename(unfinished, data);
  }
  return {
    account,
    data,
    passwordFile,
    password: await readFile(passwordFile, 'utf8'),
    portFile: join(directory, 'port'),
  };
}

async function initialize(
  initdb: string,
  account: Account,
  data: string,
  passwordFile: string,
  durable: boolean,
): Promise<void> {
  const { file, args, options } = account.command(initdb, [
    ...['-D', data, '-U', USER, `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8'],
    // The same order of text on every machine, whatever languages it has.
    ...['--no-locale', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
    ...(durable ? [] : ['--no-sync']),
  ]);
  const child = spawn(file, args, { ...options, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] });
  const [ending, said] = await Promise.all([once(child, 'close'), text(child.stderr)]).catch(
    (cause: unknown) => {
      throw new EmbeddedPostgresError(`PostgreSQL's initdb cannot be run: ${String(cause)}`, { cause });
    },
  );
  if (ending[0] !== 0) throw new EmbeddedPostgresError(`PostgreSQL's initdb failed: ${said.trim()}`);
}
