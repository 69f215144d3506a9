/**
 * JSON that loses nothing: a number that was read keeps its text, an object the order of its
 * members, and of two members with one name the last wins in the place of the first, as in Python.
 */
export type Json = null | boolean | number | string | NumberText | Json[] | JsonObject;
export type JsonObject = Map<string, Json>;

/** A number as it was written, because a double would round what is longer. */
export class NumberText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

/** Python's reader, which guests use, gives up near 1,000; what is wrapped around takes some. */
const MAX_DEPTH = 100;
/** Python refuses to make an integer of more digits than this. */
const TOO_MANY_DIGITS = /\d{4301}/;

/**
 * Reads JSON in UTF-8.
 *
 * @throws SyntaxError that says what is wrong, so that a field's name can stand before it, and quotes nothing.
 */
export function readJson(bytes: Buffer): Json {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    JSON.parse(text);
  } catch {
    throw new SyntaxError('is not JSON in UTF-8');
  }
  return new Reader(text).value(0);
}

/** Writes JSON as Python's `json.dumps` does by default, which is how Nova writes. */
export function writeJson(value: Json): string {
  if (typeof value === 'string') return writeString(value);
  if (value instanceof Map) return `{${Array.from(value, writeMember).join(', ')}}`;
  if (Array.isArray(value)) return `[${value.map(writeJson).join(', ')}]`;
  return String(value);
}

export const writeMember = ([name, value]: [string, Json]): string =>
  `${writeString(name)}: ${writeJson(value)}`;

/** What cannot stand in a string as it is: Python escapes all but printable ASCII. */
const ESCAPED = /[^ !#-[\]-~]/g;
const SHORT_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\f', '\\f'],
  ['\b', '\\b'],
]);

const writeString = (text: string): string => `"${text.replace(ESCAPED, escapeUnit)}"`;

/** The expression above has no `u` flag: it matches halves of pairs, and Python writes halves. */
const escapeUnit = (unit: string): string =>
  SHORT_ESCAPES.get(unit) ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** The next token behind blanks: a string's inside, a number, or anything else. */
const TOKEN = /[ \t\n\r]*(?:"([^"\\]*(?:\\.[^"\\]*)*)"|(-?\d[\d.eE+-]*)|(true|false|null|[{}[\],:]))/y;

type Token = { string: string } | { number: string } | { word: string };

/** Walks through text that is known to be JSON. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): Json {
    return this.#valueOf(this.#next(), depth);
  }

  #valueOf(token: Token, depth: number): Json {
    if ('string' in token) return token.string;
    if ('number' in token) return numberOf(token.number);
    // Counted here, because what a later member of the same name replaces is read as well.
    if (depth === MAX_DEPTH && (token.word === '{' || token.word === '[')) {
      throw new SyntaxError(`is nested deeper than ${MAX_DEPTH}`);
    }
    switch (token.word) {
      case '{':
        return this.#object(depth + 1);
      case '[':
        return this.#array(depth + 1);
      case 'null':
        return null;
      default:
        return token.word === 'true';
    }
  }

  #object(depth: number): JsonObject {
    const members: JsonObject = new Map();
    for (let token = this.#next(); !isWord(token, '}'); token = this.#next()) {
      if ('string' in token) {
        this.#next(); // the colon
        members.set(token.string, this.value(depth));
      }
    }
    return members;
  }

  #array(depth: number): Json[] {
    const items: Json[] = [];
    for (let token = this.#next(); !isWord(token, ']'); token = this.#next()) {
      if (!isWord(token, ',')) items.push(this.#valueOf(token, depth));
    }
    return items;
  }

  #next(): Token {
    TOKEN.lastIndex = this.#at;
    const match = TOKEN.exec(this.#text);
    this.#at = TOKEN.lastIndex;
    const [, string, number, word] = match ?? [];
    if (string !== undefined) return { string: decoded(string) };
    if (number !== undefined) return { number };
    if (word !== undefined) return { word };
    throw new SyntaxError('is not JSON');
  }
}

const isWord = (token: Token, word: string): boolean => 'word' in token && token.word === word;

const decoded = (inside: string): string =>
  inside.includes('\\') ? String(JSON.parse(`"${inside}"`)) : inside;

function numberOf(text: string): NumberText {
  if (TOO_MANY_DIGITS.test(text)) throw new SyntaxError('holds a number of more than 4300 digits');
  return new NumberText(text);
}
