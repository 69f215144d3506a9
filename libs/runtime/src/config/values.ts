import { z } from 'zod';
import { authPlugin, plainSections, storeSection, targetSection } from '../options/index.ts';
import { optionFault, type ConfigFault } from './faults.ts';
import { normalizeSection, TARGET_PREFIX } from './ini.ts';
import { optionsOf, type OptionInfo } from './option-info.ts';
import type { Found, Settings } from './settings.ts';
import { substitute, SubstitutionError } from './substitution.ts';

/** A section that only another option gives a meaning: what a login and what a store may have there. */
const foreignSection = z.object({ ...authPlugin.shape, ...storeSection.shape });

/** The schema of a section; for one whose name Hallmark does not know, everything it could be. */
export function schemaOf(section: string): z.ZodObject {
  if (section.startsWith(TARGET_PREFIX)) return targetSection;
  return Object.entries<z.ZodObject>(plainSections).find(([name]) => name === section)?.[1] ?? foreignSection;
}

type SectionInput = Readonly<Record<string, string | readonly string[]>>;

/** Text with its `$` references replaced, ready for the types of the schema. */
export class Values {
  readonly faults: ConfigFault[] = [];
  readonly warnings = new Set<string>();
  readonly #settings: Settings;
  readonly #inputs = new Map<string, SectionInput>();
  readonly #replaced = new Set<string>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** The options of a section that somebody wrote, as input for its schema. */
  section(section: string): SectionInput {
    const input = this.#inputs.get(section) ?? this.#read(section);
    this.#inputs.set(section, input);
    return input;
  }

  where(section: string, option: string): string {
    return this.#find(normalizeSection(section), option)?.where ?? 'default';
  }

  /** Whether the text of an option held references. */
  hasReplaced(section: string, option: string): boolean {
    return this.#replaced.has(`${section}.${option}`);
  }

  fault(section: string, option: string, text: string): void {
    this.faults.push(optionFault(this.where(section, option), section, option, text));
  }

  #read(section: string): SectionInput {
    const input: Record<string, string | string[]> = {};
    for (const info of optionsOf(schemaOf(section)).values()) {
      const found = this.#settings.find(section, info.name, info);
      if (!found) continue;
      this.#warnOfFormerName(section, info, found);
      const texts = this.#expandAll(section, info, found);
      const [first] = texts;
      if (first === undefined || (info.emptyIsUnset && first.trim() === '')) continue;
      input[info.name] = info.multiple ? texts : first;
    }
    return input;
  }

  #find(section: string, option: string): Found | undefined {
    return this.#settings.find(section, option, optionsOf(schemaOf(section)).get(option));
  }

  #expandAll(section: string, info: OptionInfo, found: Found): string[] {
    try {
      const self = `${section}.${info.name}`;
      const texts = found.texts.map((text) => this.#expand(text, section, [self]));
      if (texts.some((text, index) => text !== found.texts[index])) this.#replaced.add(self);
      return texts;
    } catch (error) {
      if (!(error instanceof SubstitutionError)) throw error;
      // What looks like a reference in a secret is a part of the secret.
      const text = info.secret
        ? 'holds a $ that begins the name of no option; write $$ for a plain $'
        : error.message;
      this.faults.push(optionFault(found.where, section, info.name, text));
      return [];
    }
  }

  #expand(text: string, section: string, trail: readonly string[]): string {
    return substitute(text, (reference) => this.#resolve(reference, section, trail));
  }

  /** Own group first, then `[DEFAULT]`, as oslo.config looks. An option without a value is empty. */
  #resolve(reference: string, section: string, trail: readonly string[]): string {
    const dot = reference.indexOf('.');
    const near =
      dot < 0
        ? { section, option: reference }
        : { section: normalizeSection(reference.slice(0, dot)), option: reference.slice(dot + 1) };
    for (const place of [near, { section: 'DEFAULT', option: reference }]) {
      const step = `${place.section}.${place.option}`;
      const found = this.#find(place.section, place.option);
      if (found && trail.includes(step)) {
        throw new SubstitutionError(`$${reference} refers back to itself`);
      }
      if (found)
        return found.texts.map((text) => this.#expand(text, place.section, [...trail, step])).join(',');
      const info = optionsOf(schemaOf(place.section)).get(place.option);
      if (info) return info.defaultText ?? '';
    }
    // Further along the trail the text may be somebody's password, so it is not repeated.
    const what = trail.length === 1 ? `$${reference} is` : 'refers to an option that holds a $ with';
    throw new SubstitutionError(`${what} the name of no option that is set; write $$ for a plain $`);
  }

  #warnOfFormerName(section: string, info: OptionInfo, found: Found): void {
    if (found.section === section && found.name === info.name) return;
    this.warnings.add(
      `${found.where}: [${found.section}] ${found.name} is an old name; write [${section}] ${info.name}`,
    );
  }
}
