import { HallmarkError } from '@hallmark/errors';
import { ConfigError, optionFault } from '../config/faults.ts';
import type { Config } from '../config/load.ts';
import { optionsOf } from '../config/option-info.ts';
import { formatListenAddress, parseListenAddress } from '../listen-address.ts';
import { plainSections, type SectionName } from '../options/index.ts';

/** The operator can mend it: wrong configuration, a port in use, an unreadable file. */
export const EXIT_UNUSABLE = 2;
/** A bug, or an end that was not graceful. */
export const EXIT_FAILED = 1;

/**
 * What to tell the operator about a start that failed, a line each; undefined when the failure is a
 * bug, whose place is in the log, with its stack.
 */
export function linesForOperator(error: unknown, config?: Config): readonly string[] | undefined {
  if (error instanceof ConfigError) return error.faults.map(({ message }) => message);
  for (const failure of chainOf(error)) {
    const refused = refusedAddress(failure);
    if (refused) return [sentenceFor(refused, config)];
  }
  if (error instanceof HallmarkError) return [error.message];
  if (isSystemError(error)) return [error.message];
  return undefined;
}

interface Refused {
  readonly code: keyof typeof REFUSALS;
  /** As it was written in the configuration, or nearly so. */
  readonly address: string;
}

const REFUSALS = {
  EADDRINUSE: 'is in use by another process; stop that, or listen elsewhere',
  EADDRNOTAVAIL: 'is no address of this machine; name one of its own',
  EACCES: 'may not be opened by this user; choose a port above 1023 or allow it',
};

// grpc-js reports what the system said as text only: "listen EADDRINUSE: address already in use 127.0.0.1:8781".
const IN_TEXT = /\b(EADDRINUSE|EADDRNOTAVAIL|EACCES)\b.*?\s(\S*:\d+)/;

function refusedAddress(failure: unknown): Refused | undefined {
  if (!(failure instanceof Error)) return undefined;
  const { code, address, port } = failure as { code?: unknown; address?: unknown; port?: unknown };
  if (isRefusal(code) && typeof port === 'number') {
    return { code, address: formatListenAddress({ host: typeof address === 'string' ? address : '', port }) };
  }
  const [, codeInText, addressInText] = IN_TEXT.exec(failure.message) ?? [];
  return isRefusal(codeInText) && addressInText !== undefined
    ? { code: codeInText, address: bracketed(addressInText) }
    : undefined;
}

const isRefusal = (code: unknown): code is keyof typeof REFUSALS =>
  typeof code === 'string' && Object.hasOwn(REFUSALS, code);

/** Node writes `:::8780` for what the configuration calls `[::]:8780`. */
function bracketed(address: string): string {
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(address) ?? [];
  return host.includes(':') && !host.startsWith('[') ? `[${host}]:${port}` : address;
}

function sentenceFor({ code, address }: Refused, config: Config | undefined): string {
  const text = `${address} ${REFUSALS[code]}`;
  const option = config && findListener(config, address);
  return option ? optionFault(option.where, option.section, option.name, text).message : `${text}.`;
}

/** The option that named the address. */
function findListener(
  config: Config,
  address: string,
): { where: string; section: string; name: string } | undefined {
  for (const section of Object.keys(plainSections) as SectionName[]) {
    for (const { name } of optionsOf(plainSections[section]).values()) {
      const value: unknown = Object.entries(config[section]).find(([option]) => option === name)?.[1];
      if (!name.endsWith('listen') || !Array.isArray(value)) continue;
      const isIt = value.some((item) => formatListenAddress(parseListenAddress(String(item))) === address);
      if (isIt) return { where: config.where(section, name), section, name };
    }
  }
  return undefined;
}

function isSystemError(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error && typeof error.syscall === 'string';
}

/** The error, what caused it, and what it gathers. */
function* chainOf(error: unknown): Generator {
  yield error;
  if (!(error instanceof Error)) return;
  if (error.cause !== undefined) yield* chainOf(error.cause);
  if (error instanceof AggregateError) for (const part of error.errors) yield* chainOf(part);
}
