/** The grammar of `property-protections.conf`: Python's configparser, as far as such files use it. */

export const OPERATIONS = ['create', 'read', 'update', 'delete'] as const;
export type Operation = (typeof OPERATIONS)[number];

/** Who may, as the file says it: everyone, nobody, one of these roles, or whom a rule of the policy allows. */
export type Permission =
  | { readonly kind: 'everyone' }
  | { readonly kind: 'nobody' }
  | { readonly kind: 'roles'; readonly roles: ReadonlySet<string> }
  | { readonly kind: 'policy'; readonly rule: string };

export interface ProtectionRule {
  readonly pattern: RegExp;
  /** As the file has it. */
  readonly text: string;
  readonly permissions: Readonly<Record<Operation, Permission>>;
}

export interface ProtectionFault {
  /** Counted from 1. */
  readonly line: number;
  readonly message: string;
}

export interface ParsedProtections {
  /** In the order of the file, in which the first that matches decides. */
  readonly rules: readonly ProtectionRule[];
  readonly faults: readonly ProtectionFault[];
}

export type RuleFormat = 'roles' | 'policies';

interface Entry {
  text: string;
  readonly line: number;
}

interface Section {
  readonly name: string;
  readonly line: number;
  readonly entries: Map<string, Entry>;
}

/** Reads the file. `isRule` knows the rules of the policy, for the format `policies`. */
export function parseProtections(
  text: string,
  format: RuleFormat,
  isRule: (name: string) => boolean,
): ParsedProtections {
  const faults: ProtectionFault[] = [];
  const sections = readSections(text, faults);
  const defaults = sections.find(({ name }) => name === 'DEFAULT')?.entries ?? new Map<string, Entry>();
  const rules = sections
    .filter(({ name }) => name !== 'DEFAULT')
    .flatMap((section) => {
      const rule = readRule(section, defaults, { format, isRule, faults });
      return rule ? [rule] : [];
    });
  return { rules, faults: faults.toSorted((a, b) => a.line - b.line) };
}

function readSections(text: string, faults: ProtectionFault[]): Section[] {
  const sections: Section[] = [];
  let open: Entry | undefined;
  text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/)
    .forEach((raw, index) => {
      const line = index + 1;
      const content = raw.trim();
      if (content === '' || content.startsWith('#') || content.startsWith(';')) return;
      const isContinuation = /^\s/.test(raw) && open !== undefined;
      if (isContinuation && open) {
        open.text += `\n${content}`;
        return;
      }
      open = undefined;
      const header = /^\[(.+)\]/.exec(content)?.[1];
      if (header !== undefined) {
        const first = sections.find(({ name }) => name === header);
        if (first) faults.push({ line, message: `[${header}] is there already, in line ${first.line}` });
        sections.push({ name: header, line, entries: new Map() });
        return;
      }
      open = readEntry(content, line, sections.at(-1), faults);
    });
  return sections;
}

function readEntry(
  content: string,
  line: number,
  section: Section | undefined,
  faults: ProtectionFault[],
): Entry | undefined {
  const separator = content.search(/[=:]/);
  const key = content.slice(0, Math.max(separator, 0)).trim().toLowerCase();
  if (key === '') {
    faults.push({ line, message: 'is neither a [section] nor an operation with = and its roles' });
    return undefined;
  }
  if (!section) {
    faults.push({ line, message: `${key} stands before any section` });
    return undefined;
  }
  if (section.entries.has(key)) faults.push({ line, message: `[${section.name}] has ${key} already` });
  const entry = { text: content.slice(separator + 1).trim(), line };
  section.entries.set(key, entry);
  return entry;
}

interface Reading {
  readonly format: RuleFormat;
  readonly isRule: (name: string) => boolean;
  readonly faults: ProtectionFault[];
}

function readRule(
  section: Section,
  defaults: ReadonlyMap<string, Entry>,
  reading: Reading,
): ProtectionRule | undefined {
  const { faults } = reading;
  const pattern = compile(section, faults);
  for (const [key, { line }] of section.entries) {
    if (!OPERATIONS.some((operation) => operation === key))
      faults.push({ line, message: `[${section.name}] ${key}: is none of ${OPERATIONS.join(', ')}` });
  }
  const read = (operation: Operation): Permission => {
    const entry = section.entries.get(operation) ?? defaults.get(operation);
    if (entry) return readPermission(entry, `[${section.name}] ${operation}`, reading);
    faults.push({ line: section.line, message: `[${section.name}] does not say who may ${operation}` });
    return { kind: 'nobody' };
  };
  const permissions = {
    create: read('create'),
    read: read('read'),
    update: read('update'),
    delete: read('delete'),
  };
  return pattern && { pattern, text: section.name, permissions };
}

/** Python's regular expressions in JavaScript's spelling, where they differ. */
function compile({ name, line }: Section, faults: ProtectionFault[]): RegExp | undefined {
  const flags = /^\(\?([ims]+)\)/.exec(name);
  const source = name
    .slice(flags?.[0].length ?? 0)
    .replaceAll('(?P<', '(?<')
    .replace(/\\A/g, '^')
    .replace(/\\Z/g, '$');
  try {
    return new RegExp(source, flags?.[1] ?? '');
  } catch (error) {
    const why =
      error instanceof SyntaxError ? error.message.replace(/^Invalid regular expression: /, '') : '';
    faults.push({ line, message: `[${name}] is no regular expression: ${why}` });
    return undefined;
  }
}

function readPermission(entry: Entry, what: string, { format, isRule, faults }: Reading): Permission {
  const { line } = entry;
  if (/%(?!%)/.test(entry.text.replaceAll('%%', '')))
    faults.push({ line, message: `${what}: a % must be doubled` });
  const names = entry.text
    .replaceAll('%%', '%')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const isEveryone = names.includes('@');
  const isNobody = names.includes('!');
  if (isEveryone && isNobody) {
    faults.push({ line, message: `${what}: @, everyone, and ! , nobody, exclude each other` });
    return { kind: 'nobody' };
  }
  if (isEveryone) return { kind: 'everyone' };
  const [first, ...more] = names;
  if (isNobody || first === undefined) return { kind: 'nobody' };
  if (format === 'roles') return { kind: 'roles', roles: new Set(names.map((name) => name.toLowerCase())) };
  if (more.length > 0)
    faults.push({ line, message: `${what}: one rule of the policy can be named, not several` });
  else if (!isRule(first)) faults.push({ line, message: `${what}: the policy has no rule "${first}"` });
  return { kind: 'policy', rule: first };
}
