import { isIPv4 } from 'node:net';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { HttpFailure, type BodyFault } from '../http/http-failure.ts';
import type { RequestBodies } from './request-bodies.ts';
import type { JsonSchema } from './json-schema.ts';
import { schemas, type RequestSchemaName } from './schemas.ts';

/** More would help nobody: the first of them are repaired first. */
const MOST_FAULTS = 20;
/** Of a name that came from outside. */
const LONGEST_SHOWN_NAME = 64;

const ROOT = 'hallmark';

/** An ajv that knows the published schemas by the names of the OpenAPI document. */
export function newAjv(): Ajv2020 {
  const ajv = new Ajv2020({ allErrors: true, verbose: true, strict: true, allowUnionTypes: true });
  ajv.addVocabulary(['components', 'x-must']);
  ajv.addFormat('ipv4', isIPv4);
  ajv.addFormat('base64', isBase64);
  ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  ajv.addFormat('uri-reference', /^\/\S*$/);
  ajv.addSchema({ $id: ROOT, components: { schemas } });
  return ajv;
}

/** The check of what comes from outside, by the schemas that are published. */
export class Validator {
  readonly #checks = new Map<RequestSchemaName, ValidateFunction>();

  constructor() {
    const ajv = newAjv();
    for (const name of ['BootRequest', 'MetadataChange', 'RebuildRequest', 'ListQuery'] as const) {
      this.#checks.set(name, ajv.compile({ $ref: `${ROOT}#/components/schemas/${name}` }));
    }
  }

  /**
   * The value, known to be what the schema says.
   *
   * @throws HttpFailure 400 with all that is wrong with it, which names values and never shows them.
   */
  check<Name extends keyof RequestBodies>(name: Name, what: string, value: unknown): RequestBodies[Name] {
    const isValid = this.#checks.get(name) as ValidateFunction<RequestBodies[Name]> | undefined;
    if (!isValid) throw new Error(`There is no schema ${name}.`);
    if (isValid(value)) return value;
    throw invalidBody(what, (isValid.errors ?? []).flatMap(faultOf));
  }
}

/** 400 for a body, or a query, of which all faults are known. */
export function invalidBody(what: string, faults: readonly BodyFault[]): HttpFailure {
  const shown = faults.slice(0, MOST_FAULTS);
  const more = faults.length - shown.length;
  const sentences = shown.map(({ pointer, message }) => `${pointer || what} ${message}`);
  if (more > 0) sentences.push(`and ${more} more`);
  const message = `${what} is not as it must be: ${sentences.join('; ')}.`;
  return new HttpFailure(400, 'REQUEST_INVALID', message, {}, shown);
}

function faultOf(error: ErrorObject): BodyFault[] {
  const { instancePath, keyword, propertyName } = error;
  const params = error.params as Readonly<Record<string, unknown>>;
  switch (keyword) {
    case 'required':
      return [fault(instancePath, params['missingProperty'], 'is required')];
    case 'additionalProperties': {
      const known = Object.keys((error.parentSchema as JsonSchema).properties ?? {});
      const message = `is not known here and must be left out; known are ${known.join(', ')}`;
      return [fault(instancePath, params['additionalProperty'], message)];
    }
    case 'propertyNames':
      // Told of by the rule that the name breaks.
      return [];
    default: {
      const message = `must ${ruleOf(error, params)}`;
      return [
        propertyName === undefined
          ? { pointer: instancePath, message }
          : fault(instancePath, propertyName, message),
      ];
    }
  }
}

/** What a value must be, for a person. */
function ruleOf(
  { keyword, parentSchema, message }: ErrorObject,
  params: Readonly<Record<string, unknown>>,
): string {
  const { 'x-must': must, enum: words = [] } = parentSchema as JsonSchema;
  const limit = String(params['limit']);
  switch (keyword) {
    case 'pattern':
    case 'format':
      return must ?? 'have another form';
    case 'type':
      return `be ${[params['type']].flat().map(typeWord).join(' or ')}`;
    case 'enum':
      return `be one of ${words.join(', ')}`;
    case 'minLength':
      return limit === '1' ? 'not be empty' : `have at least ${limit} characters`;
    case 'maxLength':
      return `have at most ${limit} characters`;
    case 'minimum':
      return `be at least ${limit}`;
    case 'maximum':
      return `be at most ${limit}`;
    case 'uniqueItems':
      return 'name nothing twice';
    default:
      return message?.replace(/^must /, '') ?? 'be something else';
  }
}

const TYPE_WORDS = new Map<unknown, string>([
  ['object', 'an object'],
  ['array', 'a list'],
  ['string', 'a string'],
  ['integer', 'a whole number'],
  ['boolean', 'true or false'],
]);

const typeWord = (type: unknown): string => TYPE_WORDS.get(type) ?? String(type);

function fault(path: string, name: unknown, message: string): BodyFault {
  const shown = String(name).slice(0, LONGEST_SHOWN_NAME);
  return { pointer: `${path}/${shown.replaceAll('~', '~0').replaceAll('/', '~1')}`, message };
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
}
