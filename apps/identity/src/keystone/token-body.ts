import { z } from 'zod';
import type { TokenOwner } from '../domain/token-owner.ts';

const Named = z.object({ id: z.string(), name: z.string() });
const InDomain = z.object({ id: z.string(), name: z.string(), domain: Named });
/** ISO 8601 in UTC with six decimals; Keystone says nothing else. */
const Time = z
  .string()
  .transform((text) => Date.parse(text))
  .refine((ms) => !Number.isNaN(ms));

/** The members of `token` that matter here. Whatever else Keystone says is none of our business. */
const TokenBody = z.object({
  token: z.object({
    user: InDomain,
    project: InDomain.optional(),
    /** Absent from an unscoped token. */
    roles: z.array(z.object({ name: z.string() })).default([]),
    system: z.object({ all: z.boolean() }).optional(),
    expires_at: Time,
  }),
});

/** The owner of the token that the body of a login or a validation describes; undefined when it describes none. */
export function ownerFromBody(text: string): TokenOwner | undefined {
  const { data } = TokenBody.safeParse(parseJson(text));
  if (!data) return undefined;
  const { user, project, roles, system, expires_at: expiresAtMs } = data.token;
  return {
    user,
    ...(project && { project }),
    roles: roles.map(({ name }) => name),
    systemScope: system?.all ?? false,
    expiresAtMs,
  };
}

const ErrorBody = z.object({ error: z.object({ code: z.number(), message: z.string() }) });

/** What Keystone says about a failure; undefined when it was not Keystone that answered. */
export function errorFromBody(text: string): { code: number; message: string } | undefined {
  return ErrorBody.safeParse(parseJson(text)).data?.error;
}

/** Undefined for what is no JSON; the error of JSON.parse would repeat a piece of the text. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
