import { OWNED_SECTIONS, plainSections } from '../options/index.ts';
import { optionFault, placeFault, type ConfigFault } from './faults.ts';
import { normalizeSection, TARGET_PREFIX } from './ini.ts';
import { nearest } from './nearest.ts';
import { optionsOf } from './option-info.ts';
import type { Settings, WrittenSection } from './settings.ts';
import { schemaOf } from './values.ts';

/**
 * Faults for what nobody reads: options that Hallmark's own sections do not have, and sections that
 * look like one of Hallmark's own with a slip of the pen. Everything else in a file belongs to
 * another service.
 */
export function unknownNames(settings: Settings): ConfigFault[] {
  return [...settings.sections().flatMap(inSection), ...settings.environment().flatMap(inEnvironment)];
}

/** Sentences about names that mean something else than their writer thinks. */
export function doubtfulNames(settings: Settings): string[] {
  return settings
    .sections()
    .filter(({ normalized }) => normalized === 'default')
    .map(({ path, line, name }) => `${path}:${line}: [${name}] is not [DEFAULT]; nobody reads what it holds`);
}

const isOwned = (section: string): boolean =>
  section.startsWith(TARGET_PREFIX) || OWNED_SECTIONS.some((name) => name === section);

function inSection(section: WrittenSection): ConfigFault[] {
  const { normalized } = section;
  const where = `${section.path}:${section.line}`;
  if (normalized === TARGET_PREFIX || `${normalized}:` === TARGET_PREFIX) {
    return [placeFault(where, `[${section.name}] needs the name of a target, [${TARGET_PREFIX}NAME]`)];
  }
  if (isOwned(normalized)) {
    return [...section.options].flatMap(([option, values]) =>
      optionsOf(schemaOf(normalized)).has(option)
        ? []
        : values.map(({ line }) => unknownOption(`${section.path}:${line}`, normalized, option)),
    );
  }
  if (normalized in plainSections) return [];
  const meant = nearestSection(section.name);
  return meant === undefined
    ? []
    : [placeFault(where, `[${section.name}]: unknown section, did you mean [${meant}]?`)];
}

function inEnvironment({
  variable,
  group,
  option,
}: {
  variable: string;
  group: string;
  option: string;
}): ConfigFault[] {
  const section = normalizeSection(group === 'DEFAULT' ? group : group.toLowerCase());
  const name = option.toLowerCase();
  if (!isOwned(section) || optionsOf(schemaOf(section)).has(name)) return [];
  return [unknownOption(`environment ${variable}`, section, name)];
}

function unknownOption(where: string, section: string, option: string): ConfigFault {
  const meant = nearest(option, optionsOf(schemaOf(section)).keys());
  if (meant !== undefined)
    return optionFault(where, section, option, `unknown option, did you mean ${meant}?`);
  const home = OWNED_SECTIONS.find((name) => optionsOf(plainSections[name]).has(option));
  const hint = home === undefined ? '; take it out' : `, it belongs in [${home}]`;
  return optionFault(where, section, option, `unknown option${hint}`);
}

function nearestSection(written: string): string | undefined {
  const colon = written.indexOf(':');
  if (colon < 0) return nearest(written, [...OWNED_SECTIONS, TARGET_PREFIX.slice(0, -1)]);
  const target = nearest(written.slice(0, colon), [TARGET_PREFIX.slice(0, -1)]);
  return target === undefined ? undefined : target + written.slice(colon);
}
