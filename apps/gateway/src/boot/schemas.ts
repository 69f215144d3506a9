import { requestSchemas } from './request-schemas.ts';
import { responseSchemas } from './response-schemas.ts';

/** Every schema of the boot API by its name: what requests are checked by, and what is published. */
export const schemas = { ...requestSchemas, ...responseSchemas };

export type SchemaName = keyof typeof schemas;
export type RequestSchemaName = keyof typeof requestSchemas;
