import { z } from 'zod';
import {
  OWNED_SECTIONS,
  plainSections,
  storeSection,
  targetSection,
  configSchema,
} from '../options/index.ts';
import { TARGET_PREFIX } from './ini.ts';
import { optionsOf, type OptionInfo } from './option-info.ts';

/** A section as the reference page and the sample files show it. */
export interface SectionInfo {
  /** As it is written between brackets; `vendordata_target:NAME` stands for one per target, `STORE` for one per store. */
  readonly name: string;
  readonly description: string;
  /** Whether an option that is not listed is a fault; the others belong to other services too. */
  readonly isOwned: boolean;
  readonly options: readonly OptionInfo[];
}

/** Every section that Hallmark reads, in the order in which a reader should meet them. */
export function configCatalogue(): readonly SectionInfo[] {
  const owned = new Set<string>(OWNED_SECTIONS);
  return Object.keys(configSchema.shape).map((key) => {
    const plain = Object.entries<z.ZodObject>(plainSections).find(([name]) => name === key)?.[1];
    const isStore = key === 'image_store';
    const schema = plain ?? (isStore ? storeSection : targetSection);
    return {
      name: plain ? key : isStore ? 'STORE' : `${TARGET_PREFIX}NAME`,
      description: z.globalRegistry.get(schema)?.description ?? '',
      isOwned: (plain === undefined && !isStore) || owned.has(key),
      options: [...optionsOf(schema).values()],
    };
  });
}
