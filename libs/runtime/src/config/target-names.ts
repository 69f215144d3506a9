import { TARGET_PREFIX } from './ini.ts';
import type { Settings } from './settings.ts';

/**
 * The names for which there is a `[vendordata_target:NAME]`, in the order of the files, then those
 * that only the environment has. An environment variable has capitals only, so it speaks to the
 * target whose name differs in nothing but case, be its section or `vendordata_dynamic_targets` the
 * place where the name is written.
 */
export function targetNames(settings: Settings): string[] {
  const names = new Set(
    settings
      .sections()
      .map(({ normalized }) => normalized)
      .filter((section) => section.startsWith(TARGET_PREFIX) && section !== TARGET_PREFIX)
      .map((section) => section.slice(TARGET_PREFIX.length)),
  );
  const configured = settings.find('api', 'vendordata_dynamic_targets')?.texts.at(-1) ?? '';
  const listed = configured.split(',').map((target) => target.split('@', 1)[0]?.trim() ?? '');
  for (const { group } of settings.environment()) {
    if (!group.toLowerCase().startsWith(TARGET_PREFIX)) continue;
    const inCapitals = group.slice(TARGET_PREFIX.length);
    const isSame = (name: string): boolean => name.toUpperCase() === inCapitals;
    if ([...names].some(isSame)) continue;
    names.add(listed.find(isSame) ?? inCapitals.toLowerCase());
  }
  return [...names];
}
