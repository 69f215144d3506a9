/**
 * The line grammar of oslo.config's INI files (`iniparser`), which is not that of any INI library:
 * continuation lines, one pair of quotes, no inline comments, `=` or `:` whichever comes first.
 */

export interface IniValue {
  readonly text: string;
  /** Where the value begins, counted from 1. */
  readonly line: number;
}

export interface IniSection {
  /** As it was written first; look-ups use the normalised name. */
  readonly name: string;
  readonly line: number;
  /** Every value of each key, in the order of the file. */
  readonly options: ReadonlyMap<string, readonly IniValue[]>;
}

export interface IniFault {
  readonly line: number;
  readonly message: string;
}

export interface IniFile {
  /** By normalised name. A section that appears again continues the first. */
  readonly sections: ReadonlyMap<string, IniSection>;
  readonly faults: readonly IniFault[];
}

/** What follows this prefix is the name of a target, which is compared letter by letter. */
export const TARGET_PREFIX = 'vendordata_target:';

/** Section names have no case, except `DEFAULT` itself and the names of vendordata targets. */
export function normalizeSection(name: string): string {
  if (name === 'DEFAULT') return name;
  const lower = name.toLowerCase();
  return lower.startsWith(TARGET_PREFIX) ? TARGET_PREFIX + name.slice(TARGET_PREFIX.length) : lower;
}

/** Reads a file to its end; lines that break the grammar are skipped and reported. */
export function parseIni(text: string): IniFile {
  const reader = new IniReader();
  // A byte order mark is no part of the first line; Python's universal newlines take all three endings.
  text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/)
    .forEach((line, index) => reader.take(line.trimEnd(), index + 1));
  return reader.finish();
}

interface OpenSection extends IniSection {
  readonly options: Map<string, IniValue[]>;
}

interface OpenValue {
  readonly section: OpenSection;
  readonly key: string;
  readonly line: number;
  readonly lines: string[];
}

class IniReader {
  readonly #sections = new Map<string, OpenSection>();
  readonly #faults: IniFault[] = [];
  #section: OpenSection | undefined;
  #value: OpenValue | undefined;
  /** After a line in error, its continuation lines would only repeat the complaint. */
  #skipping = false;

  take(line: string, number: number): void {
    const isContinuation = /^[ \t]/.test(line);
    if (isContinuation && this.#value) {
      // Even when it looks like a comment.
      this.#value.lines.push(line.trimStart());
      return;
    }
    if (isContinuation) {
      if (this.#skipping) return;
      this.#fault(number, 'begins with white space but continues no value; put the option in column 1');
      return;
    }
    this.#flush();
    if (line === '' || line.startsWith('#') || line.startsWith(';')) return;
    if (line.startsWith('[')) this.#openSection(line, number);
    else this.#openValue(line, number);
  }

  finish(): IniFile {
    this.#flush();
    return { sections: this.#sections, faults: this.#faults };
  }

  #openSection(line: string, number: number): void {
    const name = line.slice(1, -1);
    if (!line.endsWith(']')) {
      this.#fault(number, 'a section must end with ] and nothing after it, not even a comment');
    } else if (name === '') {
      this.#fault(number, 'the section has no name between [ and ]');
    } else {
      const normalized = normalizeSection(name);
      this.#section = this.#sections.get(normalized) ?? { name, line: number, options: new Map() };
      this.#sections.set(normalized, this.#section);
      return;
    }
    // The options below belong to nobody, and one complaint is enough.
    this.#section = { name: '', line: number, options: new Map() };
  }

  // The text of a line in error is never repeated: it may be half a password.
  #openValue(line: string, number: number): void {
    const separator = line.search(/[=:]/);
    if (separator < 0) {
      this.#fault(number, 'has neither = nor : between an option and its value');
      return;
    }
    const key = line.slice(0, separator).trim();
    if (key === '') {
      this.#fault(number, 'has no option name before the value');
      return;
    }
    if (!this.#section) {
      this.#fault(number, `${key} stands before any section; put [DEFAULT] or its section above it`);
      return;
    }
    const value = unquote(line.slice(separator + 1).trim());
    this.#value = { section: this.#section, key, line: number, lines: [value] };
  }

  #flush(): void {
    this.#skipping = false;
    if (!this.#value) return;
    const { section, key, line, lines } = this.#value;
    this.#value = undefined;
    const values = section.options.get(key) ?? [];
    values.push({ text: lines.join('\n'), line });
    section.options.set(key, values);
  }

  #fault(line: number, message: string): void {
    this.#skipping = true;
    this.#faults.push({ line, message });
  }
}

/** Takes off one pair of equal quotes; a lone quote stays. */
function unquote(value: string): string {
  const first = value.at(0);
  return (first === '"' || first === "'") && value.length > 1 && value.at(-1) === first
    ? value.slice(1, -1)
    : value;
}
