import { glanceDefault } from '../options/glance.ts';
import type { Values } from './values.ts';

/** Glance's name for the section of the place where staged data waits. */
const STAGING = 'os_glance_staging_store';

/** The names of the sections that `[DEFAULT] enabled_backends` gives a meaning, and of the staging area. */
export function storeNames(values: Values): string[] {
  // A text that is no dictionary is reported where the option is.
  const backends = glanceDefault.enabled_backends.safeParse(values.section('DEFAULT')['enabled_backends']);
  return [...Object.keys(backends.data ?? {}), STAGING];
}
