/** A JSON Schema of draft 2020-12, as far as it is written here. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  /** What a value must be, for whoever sent another: "Must " and this. */
  readonly 'x-must'?: string;
  readonly format?: string;
  readonly contentEncoding?: string;
  readonly pattern?: string;
  readonly enum?: readonly (string | boolean)[];
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: string | number | boolean;
  readonly writeOnly?: boolean;
  readonly uniqueItems?: boolean;
  readonly items?: JsonSchema;
  readonly minProperties?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly propertyNames?: JsonSchema;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly examples?: readonly unknown[];
}

/** The type of a published schema that is named elsewhere. */
export const ref = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` });

const UUID = '^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$';

export const uuid = (description: string): JsonSchema => ({
  type: 'string',
  pattern: UUID,
  'x-must': 'be a UUID in lower case with dashes',
  description,
});
