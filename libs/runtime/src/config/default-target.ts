import { targetSection } from '../options/index.ts';
import type { TargetOptions } from './load.ts';

/** What holds for a target without a `[vendordata_target:NAME]` of its own. */
export const defaultTargetOptions: TargetOptions = targetSection.parse({});
