import { readFileSync } from 'node:fs';
import type { ClientConfig } from 'pg';
import { ConfigError, type Config } from '@hallmark/runtime';

export type PostgresConfig = Config['postgres'];

/** The server ends a statement in time; a server that does not answer at all is given up this much later. */
const SILENCE_GRACE_MS = 2_000;
const SCHEMA = /^[a-z][a-z_]*$/;

/** How to connect, with `schema` as the search path. Throws a ConfigError; no word of the URL is in it. */
export function clientConfig(config: PostgresConfig, schema: string): ClientConfig {
  if (!SCHEMA.test(schema)) throw new Error(`"${schema}" is not the name of a schema.`);
  const statementMs = Math.ceil(config.statement_timeout * 1000);
  return {
    connectionString: connectionString(config, schema),
    application_name: `hallmark-${schema}`,
    connectionTimeoutMillis: Math.ceil(config.connect_timeout * 1000),
    statement_timeout: statementMs,
    query_timeout: statementMs + SILENCE_GRACE_MS,
    // A process that hangs, or its machine that is gone, must not keep its locks.
    idle_in_transaction_session_timeout: statementMs,
    keepAlive: true,
  };
}

// In pg a connection string wins over options beside it, so all that it could contradict goes into it.
function connectionString(config: PostgresConfig, schema: string): string {
  const url = parseUrl(config.url);
  if (config.password_file !== undefined) {
    url.password = encodeURIComponent(readOption('password_file', config.password_file).trim());
  }
  if (config.cafile !== undefined) {
    readOption('cafile', config.cafile); // pg reads it at each connection; a missing one is told now
    url.searchParams.set('sslrootcert', config.cafile);
    url.searchParams.set('sslmode', 'verify-full');
  }
  const options = url.searchParams.get('options');
  const searchPath = `-c search_path=${schema}`;
  url.searchParams.set('options', options === null ? searchPath : `${options} ${searchPath}`);
  return url.href;
}

function parseUrl(text: string | undefined): URL {
  if (text === undefined || text === '') throw fault('url', 'must be set: postgresql://USER@HOST:PORT/NAME');
  if (!/^postgres(ql)?:\/\//.test(text)) throw fault('url', 'must begin with postgresql://');
  if (!URL.canParse(text)) {
    throw fault(
      'url',
      'is not a URL; for a unix socket write postgresql://USER@localhost/NAME?host=/DIRECTORY',
    );
  }
  return new URL(text);
}

function readOption(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    throw fault(option, `${path} cannot be read (${code})`);
  }
}

const fault = (option: string, text: string): ConfigError => {
  const where = `[postgres] ${option}`;
  return new ConfigError([{ where, message: `${where}: ${text}` }]);
};
