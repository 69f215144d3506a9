import { titleOf } from '../http/status.ts';
import type { JsonSchema } from './json-schema.ts';
import { ref, uuid } from './json-schema.ts';
import {
  OPERATION_LIST,
  type AnswerHeader,
  type Operation,
  type OperationAnswer,
  type OperationId,
  type RequestHeader,
} from './operations.ts';
import { LONGEST_IDEMPOTENCY_KEY, LONGEST_WAIT_SECONDS } from './preferences.ts';
import { schemas, type RequestSchemaName } from './schemas.ts';

const FAILURES: Readonly<Record<number, string>> = {
  400: 'The body, the query or a header is not as it must be; `faults` names all that is wrong.',
  401: 'Keystone does not accept the token.',
  403: 'The token has not the role or the scope that this needs.',
  404: 'There is no such instance, or it belongs to another project.',
  409: 'The id is taken (INSTANCE_EXISTS) or it is being built (INSTANCE_BUSY).',
  413: 'The body is too large.',
  415: 'The body is not JSON.',
  422: 'The Idempotency-Key was used with another request (IDEMPOTENCY_KEY_REUSED).',
  503: 'Something that is needed does not answer; Retry-After says when to ask again.',
  504: 'Something that is needed did not answer in time.',
};

const REQUEST_HEADERS: Readonly<Record<RequestHeader, { description: string; schema: JsonSchema }>> = {
  Prefer: {
    description: `\`wait=N\` (RFC 7240): answer when the build is over, or after N seconds, at most ${LONGEST_WAIT_SECONDS}.`,
    schema: { type: 'string' },
  },
  'Idempotency-Key': {
    description: `Makes a repeat harmless for a day: 1 to ${LONGEST_IDEMPOTENCY_KEY} visible ASCII characters.`,
    schema: { type: 'string', minLength: 1, maxLength: LONGEST_IDEMPOTENCY_KEY },
  },
  'If-None-Match': { description: 'ETags of drives that the caller has.', schema: { type: 'string' } },
};

const ANSWER_HEADERS: Readonly<Record<AnswerHeader, string>> = {
  Location: 'Path of the instance.',
  'Preference-Applied': 'The wait that was granted, where one was asked for.',
  ETag: 'SHA-256 of the drive in hex, in quotes.',
  'Content-Length': 'Size of the drive.',
  'Content-Disposition': 'A file name.',
  'Repr-Digest': 'SHA-256 of the drive, as RFC 9530 writes it.',
};

/** The OpenAPI document of the boot API. */
export function openApiDocument(): object {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [operationId, operation] of OPERATION_LIST) {
    const path = operation.path.replaceAll(/:([a-z]+)/g, '{$1}');
    const methods = (paths[path] ??= {});
    methods[operation.method.toLowerCase()] = described(operationId, operation);
    if (operation.method === 'GET') methods['head'] = describedHead(operationId, operation);
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Hallmark boot API',
      version: '1.0',
      description:
        'Tells Hallmark of the instances that boot, so that it can answer their guests and build their config drives.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas,
      securitySchemes: {
        userToken: {
          type: 'apiKey',
          in: 'header',
          name: 'X-Auth-Token',
          description: "The user's Keystone token.",
        },
        serviceToken: {
          type: 'apiKey',
          in: 'header',
          name: 'X-Service-Token',
          description:
            'The token of a service that calls for the user; then an expired user token still holds.',
        },
      },
    },
  };
}

function described(operationId: OperationId, operation: Operation): object {
  const { summary, description, action, body, answers } = operation;
  return {
    operationId,
    summary,
    ...(description === undefined ? {} : { description }),
    security: action ? [{ userToken: [] }, { userToken: [], serviceToken: [] }] : [],
    parameters: parametersOf(operation),
    ...(body === undefined ? {} : { requestBody: { required: true, content: jsonOf(body) } }),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, answerOf(answer)])),
      ...failuresOf(operation),
    },
  };
}

/** GET without the body, as HTTP has it. */
function describedHead(operationId: OperationId, operation: Operation): object {
  const { summary, action, answers } = operation;
  const statuses = [...Object.entries(answers), ...Object.entries(failuresOf(operation))];
  return {
    operationId: `${operationId}Head`,
    summary: `${summary}: the headers alone`,
    security: action ? [{ userToken: [] }, { userToken: [], serviceToken: [] }] : [],
    parameters: parametersOf(operation),
    responses: Object.fromEntries(statuses.map(([status, { description }]) => [status, { description }])),
  };
}

function parametersOf({ path, query, requestHeaders = [] }: Operation): object[] {
  const inPath = path.includes(':id')
    ? [{ name: 'id', in: 'path', required: true, schema: uuid('The instance.') }]
    : [];
  const listed: Readonly<Record<string, JsonSchema>> =
    query === undefined ? {} : ((schemas[query] as JsonSchema).properties ?? {});
  const inQuery = Object.entries(listed).map(([name, schema]) => ({ name, in: 'query', schema }));
  const inHeaders = requestHeaders.map((name) => ({ name, in: 'header', ...REQUEST_HEADERS[name] }));
  return [...inPath, ...inQuery, ...inHeaders];
}

function answerOf({ description, schema, media, headers = [] }: OperationAnswer): object {
  return {
    description,
    headers: Object.fromEntries(
      headers.map((name) => [name, { description: ANSWER_HEADERS[name], schema: { type: 'string' } }]),
    ),
    ...(schema === undefined ? {} : { content: { 'application/json': { schema: ref(schema) } } }),
    ...(media === undefined ? {} : { content: Object.fromEntries(media.map((type) => [type, {}])) }),
  };
}

/** Statuses that an operation of its kind may always have, and its own. */
export function failureStatuses({ action, body, failures = [] }: Operation): number[] {
  const always = action === undefined ? [] : [400, 401, 403, 503, 504];
  const ofBody = body === undefined ? [] : [413, 415];
  return [...new Set([...always, ...ofBody, ...failures])].toSorted((a, b) => a - b);
}

function failuresOf(operation: Operation): Record<string, { description: string }> {
  const content = { 'application/json': { schema: ref('Error') } };
  return Object.fromEntries(
    failureStatuses(operation).map((status) => [
      String(status),
      { description: FAILURES[status] ?? titleOf(status), content },
    ]),
  );
}

function jsonOf(name: RequestSchemaName): object {
  const { examples } = schemas[name] as JsonSchema;
  const [example] = examples ?? [];
  return { 'application/json': { schema: ref(name), ...(example === undefined ? {} : { example }) } };
}
