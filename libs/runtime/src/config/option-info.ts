import { z } from 'zod';
import { BRACKETED, type FormerName } from './oslo-types.ts';

/** What the schema of an option says about it, beside how to read it. */
export interface OptionInfo {
  readonly name: string;
  readonly type: string;
  /** As it would be written in a file; undefined when the option has no default. */
  readonly defaultText: string | undefined;
  /** One or two sentences for the operator. */
  readonly description: string;
  readonly secret: boolean;
  readonly multiple: boolean;
  readonly emptyIsUnset: boolean;
  readonly formerly: readonly FormerName[];
}

const known = new WeakMap<z.ZodObject, ReadonlyMap<string, OptionInfo>>();

/** The options of a section by name, in the order in which the schema has them. */
export function optionsOf(section: z.ZodObject): ReadonlyMap<string, OptionInfo> {
  const options =
    known.get(section) ??
    new Map(
      Object.entries<z.core.$ZodType>(section.shape).map(([name, schema]) => [
        name,
        describeOption(name, schema),
      ]),
    );
  known.set(section, options);
  return options;
}

function describeOption(name: string, schema: z.core.$ZodType): OptionInfo {
  const outer = z.globalRegistry.get(schema) ?? {};
  const { core, defaultValue } = unwrap(schema);
  const inner = z.globalRegistry.get(core) ?? {};
  return {
    name,
    type: inner.type ?? 'string',
    defaultText: defaultValue === undefined ? undefined : textOf(defaultValue, inner.type ?? 'string'),
    description: outer.description ?? '',
    secret: outer.secret ?? false,
    multiple: inner.multiple ?? false,
    // Without a default there is no difference between saying nothing and not saying it.
    emptyIsUnset: (inner.emptyIsUnset ?? false) || schema instanceof z.ZodOptional,
    formerly: outer.formerly ?? [],
  };
}

function unwrap(schema: z.core.$ZodType): { core: z.core.$ZodType; defaultValue: unknown } {
  if (schema instanceof z.ZodDefault)
    return { core: schema.def.innerType, defaultValue: schema.def.defaultValue };
  if (schema instanceof z.ZodOptional) return { core: schema.def.innerType, defaultValue: undefined };
  return { core: schema, defaultValue: undefined };
}

function textOf(value: unknown, type: string): string {
  if (Array.isArray(value)) {
    const items = value.map(String).join(',');
    return type === BRACKETED ? `[${items}]` : items;
  }
  if (typeof value === 'object' && value !== null)
    return Object.entries(value)
      .map(([key, item]) => `${key}:${String(item)}`)
      .join(',');
  return String(value);
}
