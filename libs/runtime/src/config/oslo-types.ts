import { z } from 'zod';
import { parseListenAddress } from '../listen-address.ts';
import { nearest } from './nearest.ts';

/**
 * The value types of oslo.config, as zod schemas from the text of an option to its value. The text
 * arrives with `$` references already replaced. Each message says what is wrong and what to write;
 * the loader adds option, file and line, and leaves the message of a secret option out.
 */

declare module 'zod' {
  interface GlobalMeta {
    /** The type as the reference page and the sample files name it. */
    type?: string;
    /** The value must not be shown to anyone. */
    secret?: boolean;
    /** Older names and homes under which the option is still read. */
    formerly?: readonly FormerName[];
    /** The option takes one value per occurrence of its name. */
    multiple?: boolean;
    /** An empty text means "not set". */
    emptyIsUnset?: boolean;
  }
}

export interface FormerName {
  /** Absent: the section where the option lives today. */
  readonly section?: string;
  /** Absent: the name it has today. */
  readonly name?: string;
}

export interface Bounds {
  readonly min?: number;
  readonly max?: number;
}

type OptionType<T> = z.ZodType<T, string>;

/** A schema whose messages come from the RangeError that `read` throws. */
function typed<T>(type: string, read: (text: string) => T, meta: z.GlobalMeta = {}): OptionType<T> {
  return z
    .string()
    .transform((text, context) => {
      try {
        return read(text);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        context.addIssue({ code: 'custom', message: error.message });
        return z.NEVER;
      }
    })
    .meta({ type, ...meta });
}

/** The text as it is. */
export const str = (): OptionType<string> => typed('string', (text) => text);

/** One of the given words, spelt exactly so. */
export function choice<const Word extends string>(...words: readonly Word[]): OptionType<Word> {
  return typed(`one of ${words.join(', ')}`, (text) => {
    const word = words.find((candidate) => candidate === text);
    if (word === undefined) throw new RangeError(`"${text}" is not one of ${words.join(', ')}`);
    return word;
  });
}

const TRUE = new Set(['true', '1', 'on', 'yes']);
const FALSE = new Set(['false', '0', 'off', 'no']);

export function bool(): OptionType<boolean> {
  return typed('boolean', (text) => {
    const word = text.trim().toLowerCase();
    if (TRUE.has(word)) return true;
    if (FALSE.has(word)) return false;
    throw new RangeError(`"${text}" is neither true (true, 1, on, yes) nor false (false, 0, off, no)`);
  });
}

export function int(bounds: Bounds = {}): OptionType<number> {
  return number('integer', bounds, /^[+-]?\d+$/);
}

export function float(bounds: Bounds = {}): OptionType<number> {
  return number('number', bounds, /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/);
}

function number(kind: string, { min, max }: Bounds, shape: RegExp): OptionType<number> {
  const lower = min === undefined ? '' : `, at least ${min}`;
  const upper = max === undefined ? '' : `, at most ${max}`;
  return typed(
    `${kind}${lower}${upper}`,
    (text) => {
      const digits = text.trim();
      const value = Number(digits);
      if (!shape.test(digits) || !Number.isFinite(value))
        throw new RangeError(`"${text}" is not ${kind === 'integer' ? 'an' : 'a'} ${kind}`);
      if (min !== undefined && value < min)
        throw new RangeError(`${digits} is below the least value, ${min}`);
      if (max !== undefined && value > max)
        throw new RangeError(`${digits} is above the greatest value, ${max}`);
      return value;
    },
    // oslo.config reads an empty number as None; for an option that has a default, that is no value.
    { emptyIsUnset: true },
  );
}

/**
 * Comma separated items. There is no quoting: an item cannot hold a comma. Commas at the end count
 * for nothing; an empty item in the middle stays, as it does in oslo.config.
 */
export const list = (): OptionType<readonly string[]> => listOf('string', (item) => item);

/** Comma separated items, each one of the given words, spelt exactly so. */
export function choices<const Word extends string>(...words: readonly Word[]): OptionType<readonly Word[]> {
  return listOf(words.join(' or '), (item) => {
    const word = words.find((candidate) => candidate === item);
    if (word !== undefined) return word;
    const meant = nearest(item, words);
    const hint = meant === undefined ? '' : `, did you mean ${meant}?`;
    throw new RangeError(`"${item}" is not one of ${words.join(', ')}${hint}`);
  });
}

/** Comma separated addresses for listeners: `HOST:PORT`, `[IPV6]:PORT`, or `:PORT` for all addresses. */
export function addresses(): OptionType<readonly string[]> {
  return listOf('HOST:PORT', (item) => {
    parseListenAddress(item);
    return item;
  });
}

/** Comma separated addresses of peers: as `addresses`, but host and port must be said. */
export function endpoints(): OptionType<readonly string[]> {
  return listOf('HOST:PORT', (item) => {
    const { port } = parseListenAddress(item);
    if (item.startsWith(':')) throw new RangeError(`"${item}" names no host to connect to`);
    if (port === 0) throw new RangeError(`"${item}" names no port to connect to`);
    return item;
  });
}

function listOf<T extends string>(kind: string, read: (item: string) => T): OptionType<readonly T[]> {
  return typed(kind === 'string' ? 'list' : `list of ${kind}`, (text) => splitList(text).map(read));
}

function splitList(text: string): string[] {
  const body = text.trim().replace(/,+$/, '');
  return body === '' ? [] : body.split(',').map((item) => item.trim());
}

/** `key:value,key:value`. A piece without a colon belongs, with its comma, to the key after it. */
export function dict(): OptionType<Readonly<Record<string, string>>> {
  return typed('dict', (text) => {
    const pairs = new Map<string, string>();
    let unfinished = '';
    for (const piece of text.trim() === '' ? [] : text.split(',')) {
      const pair = unfinished + piece;
      const colon = pair.indexOf(':');
      unfinished = colon < 0 ? `${pair},` : '';
      if (colon < 0) continue;
      const key = pair.slice(0, colon).trim();
      if (key === '') throw new RangeError(`"${pair.trim()}" has no key before the colon`);
      if (pairs.has(key)) throw new RangeError(`the key "${key}" appears twice`);
      pairs.set(key, pair.slice(colon + 1).trim());
    }
    if (unfinished !== '') throw new RangeError(`"${unfinished.slice(0, -1).trim()}" is not key:value`);
    return Object.fromEntries(pairs);
  });
}

/** The type of `bracketList`, by which its text is known. */
export const BRACKETED = 'list in brackets';

/**
 * Items between brackets, `[a, b]`, which must be there. A comma inside quotes, single or double,
 * belongs to its item.
 */
export function bracketList(): OptionType<readonly string[]> {
  return typed(BRACKETED, (text) => {
    const body = text.trim();
    if (!body.startsWith('[') || !body.endsWith(']') || body.length < 2)
      throw new RangeError(`"${text}" does not stand between [ and ]`);
    return splitQuoted(body.slice(1, -1));
  });
}

function splitQuoted(body: string): string[] {
  const items: string[] = [];
  let rest = body.trim();
  while (rest !== '') {
    const [whole = '', quoted, plain = ''] = /^(?:"([^"]*)"|'[^']*'|([^,]*))\s*/.exec(rest) ?? [];
    const single = whole.startsWith("'") ? whole.trimEnd().slice(1, -1) : undefined;
    const after = rest.slice(whole.length);
    if (after !== '' && !after.startsWith(',')) throw new RangeError(`there is no comma before "${after}"`);
    items.push(quoted ?? single ?? plain.trim());
    rest = after.slice(1).trim();
  }
  return items;
}

const BYTE_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 2 ** 10,
  MB: 2 ** 20,
  GB: 2 ** 30,
  TB: 2 ** 40,
};

/** Glance's storage quota: a number of bytes, or one with a unit right behind it. */
export function byteQuota(): OptionType<number> {
  return typed('bytes, as 500, 10MB or 2TB', (text) => {
    const [, digits = '', unit = 'B'] = /^(\d+)(B|KB|MB|GB|TB)?$/.exec(text.trim()) ?? [];
    const bytes = Number(digits) * (BYTE_UNITS[unit] ?? NaN);
    if (digits === '' || !Number.isSafeInteger(bytes))
      throw new RangeError(`"${text}" is not a number of bytes, such as 500, 10MB or 2TB`);
    return bytes;
  });
}

/** One string per occurrence of the option, in the order of the files; commas mean nothing. */
export function multiStr(): z.ZodType<readonly string[], readonly string[]> {
  return z.array(z.string()).readonly().meta({ type: 'string, may appear several times', multiple: true });
}
