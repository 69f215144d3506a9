/** Longest label of a host name, and what Nova cuts a name to. */
const MAX_LABEL = 63;
const MAX_HOSTNAME = 255;
const LABEL = /^[a-z\d_](?:[a-z\d_-]*[a-z\d_])?$/i;

/**
 * The host name that Nova makes of a display name, to the letter. Python's `\w` counts every letter
 * and number of Latin-1 in, so that `café½` stays.
 */
export function hostnameFrom(displayName: string, instanceId: string): string {
  const made = displayName
    .replaceAll(/[^\0-\xff]/gu, '')
    .slice(0, MAX_LABEL)
    .replaceAll(/[ _.]/g, '-')
    .replaceAll(/[^\p{L}\p{N}-]/gu, '')
    .toLowerCase()
    .replaceAll(/^-+|-+$/g, '');
  return made === '' ? `Server-${instanceId}` : made;
}

/** Whether a user may give this as host name, with or without domain. */
export const isHostname = (text: string): boolean =>
  text.length <= MAX_HOSTNAME &&
  text.split('.').every((label) => label.length <= MAX_LABEL && LABEL.test(label));
