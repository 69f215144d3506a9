import type { z } from 'zod';

/**
 * Rules between the options of one section, as arguments for zod's `superRefine`. A rule is applied
 * unless one of its own options has a fault already, so that all faults show at once.
 */
type Rule<Name extends string> = [
  check: (section: { readonly [N in Name]?: unknown }, context: z.RefinementCtx) => void,
  options: { when: (payload: z.core.ParsePayload) => boolean },
];

/** Options that only make sense together. */
export function allOrNone<Name extends string>(...names: Name[]): Rule<Name> {
  return rule(names, (set) =>
    set.length === 0 || set.length === names.length
      ? undefined
      : `${names.join(', ')} must be set all together or not at all`,
  );
}

/** Options of which each makes the others meaningless. */
export function atMostOne<Name extends string>(...names: Name[]): Rule<Name> {
  return rule(names, (set) => (set.length > 1 ? `only one of ${names.join(', ')} may be set` : undefined));
}

/** An option that does not work without another. */
export function needs<Name extends string>(name: Name, needed: Name): Rule<Name> {
  return rule([name, needed], (set) =>
    set.includes(name) && !set.includes(needed) ? `needs ${needed} beside it` : undefined,
  );
}

function rule<Name extends string>(
  names: readonly Name[],
  faultOf: (set: readonly Name[]) => string | undefined,
): Rule<Name> {
  return [
    (section, context) => {
      const set = names.filter((name) => isSet(section[name]));
      const message = faultOf(set);
      // Reported at an option that somebody wrote, so that it has a file and a line.
      if (message === undefined) return;
      context.addIssue({
        code: 'custom',
        message,
        path: set.slice(0, 1),
        params: { namesOptionsOnly: true },
      });
    },
    { when: ({ issues }) => !issues.some((issue) => names.some((name) => name === issue.path?.[0])) },
  ];
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0);
}
