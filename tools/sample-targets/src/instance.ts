/** An instance as Nova, and therefore Hallmark, describes it to a vendordata service. */
export interface Instance {
  'project-id': string;
  'instance-id': string;
  /** Empty when the instance boots from a volume. */
  'image-id': string;
  /** Base64, as the user gave it to the compute API. Null when there is none. May hold secrets. */
  'user-data': string | null;
  /** The short host name. */
  hostname: string;
  /** What the user attached to the instance. The keys are the user's: treat them as data. */
  metadata: Record<string, string>;
  /** Names of the roles that the user had when the instance was booted, joined with commas. */
  'boot-roles': string;
}

/** The same for Fastify, which answers 400 by itself when a body does not fit. */
export const INSTANCE_SCHEMA = {
  type: 'object',
  required: ['project-id', 'instance-id', 'image-id', 'user-data', 'hostname', 'metadata', 'boot-roles'],
  properties: {
    'project-id': { type: 'string' },
    'instance-id': { type: 'string' },
    'image-id': { type: 'string' },
    'user-data': { type: ['string', 'null'] },
    hostname: { type: 'string' },
    metadata: { type: 'object', additionalProperties: { type: 'string' } },
    'boot-roles': { type: 'string' },
  },
} as const;

/** The role names one by one; an instance without any has the empty text. */
export function bootRoles(instance: Instance): string[] {
  return instance['boot-roles'].split(',').filter((role) => role !== '');
}
