import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/load.ts';
import { plainSections, type SectionName } from '../options/index.ts';

/** Options that count once, when a process opens its listeners. */
const FIXED_AT_START = /^(?:workers|(?:ops_|data_)?listen)$/;

/** A sentence for each option whose new value needs a restart. */
export function restartOptions(before: Config, after: Config): string[] {
  return (Object.keys(plainSections) as SectionName[]).flatMap((section) => {
    const old = new Map<string, unknown>(Object.entries(before[section]));
    return Object.entries(after[section])
      .filter(([option, value]) => FIXED_AT_START.test(option) && !isDeepStrictEqual(value, old.get(option)))
      .map(
        ([option]) => `${after.where(section, option)}: [${section}] ${option} takes effect after a restart`,
      );
  });
}
