import { placeFault, type ConfigFault } from './faults.ts';
import { normalizeSection, parseIni, type IniFile, type IniSection } from './ini.ts';
import type { OptionInfo } from './option-info.ts';
import type { ConfigSources } from './sources.ts';

/** A value that somebody wrote. */
export interface Found {
  /** All values that count: one, unless the option may appear several times. */
  readonly texts: readonly string[];
  /** `FILE:LINE` or `environment NAME`. */
  readonly where: string;
  readonly section: string;
  readonly name: string;
}

interface Place {
  readonly section: string;
  readonly name: string;
}

/** A section header in a file. */
export interface WrittenSection extends IniSection {
  readonly path: string;
  readonly normalized: string;
}

/** Text by section and option, from all sources: the environment wins, then the later file. */
export class Settings {
  readonly faults: readonly ConfigFault[];
  readonly #files: readonly { path: string; ini: IniFile }[];
  readonly #environment: Readonly<Record<string, string | undefined>>;

  constructor({ files, environment }: ConfigSources) {
    const parsed = files.map(({ path, text }) => ({ path, ini: parseIni(text) }));
    this.faults = parsed.flatMap(({ path, ini }) =>
      ini.faults.map(({ line, message }) => placeFault(`${path}:${line}`, message)),
    );
    this.#files = parsed.toReversed();
    this.#environment = environment;
  }

  /** What was written for an option, under its own name or a former one. */
  find(section: string, option: string, info?: OptionInfo): Found | undefined {
    const places = [
      { section, name: option },
      ...(info?.formerly ?? []).map((former) => ({
        section: former.section ?? section,
        name: former.name ?? option,
      })),
    ];
    return this.#inEnvironment(places) ?? (info?.multiple ? this.#all(places) : this.#last(places));
  }

  /** Every section header in every file, the earlier file first. */
  sections(): WrittenSection[] {
    return this.#files
      .toReversed()
      .flatMap(({ path, ini }) =>
        [...ini.sections].map(([normalized, section]) => ({ ...section, path, normalized })),
      );
  }

  /** The names `OS_GROUP__OPTION` that are set, split. */
  environment(): { readonly variable: string; readonly group: string; readonly option: string }[] {
    return Object.keys(this.#environment).flatMap((variable) => {
      const [, group, option] = /^OS_(.+?)__(.+)$/.exec(variable) ?? [];
      return group === undefined || option === undefined ? [] : [{ variable, group, option }];
    });
  }

  #inEnvironment(places: readonly Place[]): Found | undefined {
    for (const { section, name } of places) {
      const variable = environmentName(section, name);
      const text = this.#environment[variable];
      if (text !== undefined) return { texts: [text], where: `environment ${variable}`, section, name };
    }
    return undefined;
  }

  // Within one file the name of today wins; a former name in a later file wins over an earlier file.
  #last(places: readonly Place[]): Found | undefined {
    for (const { path, ini } of this.#files) {
      for (const { section, name } of places) {
        const value = ini.sections.get(normalizeSection(section))?.options.get(name)?.at(-1);
        if (value) return { texts: [value.text], where: `${path}:${value.line}`, section, name };
      }
    }
    return undefined;
  }

  #all(places: readonly Place[]): Found | undefined {
    const last = this.#last(places);
    if (!last) return undefined;
    const texts = this.#files
      .toReversed()
      .flatMap(({ ini }) =>
        places.flatMap(({ section, name }) =>
          (ini.sections.get(normalizeSection(section))?.options.get(name) ?? []).map(({ text }) => text),
        ),
      );
    return { ...last, texts };
  }
}

/** The variable that sets an option, as oslo.config names it. */
export function environmentName(section: string, option: string): string {
  return `OS_${section.toUpperCase()}__${option.toUpperCase()}`;
}
