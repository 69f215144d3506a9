import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { instances } from '@hallmark/contracts';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import { newAjv } from '../src/boot/validator.ts';
import { ADMIN, BootHouse, ID, READER, type BootReply, type BootRequest } from './boot-house.ts';
import { aBoot, anInstance } from './fake-boots.ts';

jest.setTimeout(30_000);

const { InstanceStatus } = instances;

interface Media {
  readonly schema?: { readonly $ref: string };
  readonly example?: unknown;
}
interface Operation {
  readonly operationId: string;
  readonly security: readonly object[];
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, Media>>; readonly headers?: object }>
  >;
}
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, { readonly examples?: readonly unknown[] }>>;
  };
}

let house: BootHouse;
let document: Document;
let operations: { path: string; method: string; operation: Operation }[];
beforeAll(async () => {
  house = await BootHouse.open();
  const reply = await house.ask({ method: 'GET', path: '/openapi.json', token: null });
  expect(reply.status).toBe(200);
  document = JSON.parse(reply.body) as Document;
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
});
afterAll(async () => {
  await house[Symbol.asyncDispose]();
});

const ajv = newAjv();
const isValid = (ref: string): ValidateFunction => ajv.compile({ $ref: `hallmark${ref}` });
const urlOf = (path: string): string => path.replace('{id}', ID);

describe('the OpenAPI document', () => {
  test('is of 3.1 and names each operation once', () => {
    expect(document.openapi).toMatch(/^3\.1\./);
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('points at nothing that is not there', () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(
      ([, name]) => name,
    );
    expect(refs.length).toBeGreaterThan(20);
    for (const name of refs) expect(Object.keys(document.components.schemas)).toContain(name);
  });

  test('declares the parameters in its paths', () => {
    for (const { path, operation } of operations) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect(
        operation.parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name),
      ).toEqual(named);
    }
  });

  test('has the routes that the listener has, and no other', async () => {
    const found: string[] = [];
    for (const path of Object.keys(document.paths)) {
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
        const { status } = await house.ask({ method, path: urlOf(path), token: null });
        if (status !== 405) found.push(`${method} ${path}`);
        expect(status).not.toBe(404);
      }
    }
    expect(found.toSorted()).toEqual(operations.map(({ method, path }) => `${method} ${path}`).toSorted());
  });

  test('says where a token is needed', async () => {
    for (const { path, method, operation } of operations) {
      const { status } = await house.ask({ method, path: urlOf(path), token: null });
      expect([method, path, status]).toEqual([method, path, operation.security.length === 0 ? 200 : 401]);
    }
  });

  test('gives examples that its own schemas take', () => {
    const examples = Object.entries(document.components.schemas).flatMap(([name, { examples: given = [] }]) =>
      given.map((example) => ({ name, example })),
    );
    expect(examples.length).toBeGreaterThan(3);
    for (const { name, example } of examples) {
      const check = isValid(`#/components/schemas/${name}`);
      expect([name, check(example), check.errors]).toEqual([name, true, null]);
    }
  });
});

describe('what is answered is what the document says', () => {
  /** Fails when the answer to a request of this operation is not one of those that it names. */
  function expectDocumented(operationId: string, reply: BootReply): void {
    const { operation } =
      operations.find((candidate) => candidate.operation.operationId === operationId) ?? {};
    const answer = operation?.responses[String(reply.status)];
    expect([operationId, reply.status, answer !== undefined]).toEqual([operationId, reply.status, true]);
    const type = String(reply.headers['content-type'] ?? '');
    expect(Object.keys(answer?.content ?? { '': {} })).toContain(type);
    const { schema } = answer?.content?.[type] ?? {};
    if (!schema) return;
    const check = isValid(schema.$ref);
    expect([operationId, check(reply.json), check.errors]).toEqual([operationId, true, null]);
  }

  const example = (operationId: string): unknown =>
    operations.find(({ operation }) => operation.operationId === operationId)?.operation.requestBody?.content[
      'application/json'
    ]?.example;

  const full = anInstance({
    id: ID,
    status: InstanceStatus.ERROR,
    fault: { reason: 'VENDORDATA_TARGET_FAILED', message: 'The target ipam failed.', createdAt: new Date() },
    configDrive: { format: 'iso9660', size: 65_536, sha256: 'ab'.repeat(32), shortLivedTargets: ['ipam'] },
    boot: aBoot({
      imageId: ID,
      availabilityZone: 'az1',
      metadata: [{ key: 'a', value: 'b' }],
      keypair: { name: 'k', type: '', publicKey: 'p' },
      networkData: Buffer.from('{"links":[]}'),
      devices: Buffer.from('[{"type":"nic"}]'),
      blockDevices: [{ name: 'ebs0', device: '/dev/vdb' }],
      dedicatedCpus: [1],
    }),
  });

  const path = `/v1/instances/${ID}`;
  const cases: { operationId: string; ask: BootRequest & { example?: boolean }; status: number }[] = [
    { operationId: 'bootInstance', ask: { example: true }, status: 202 },
    { operationId: 'bootInstance', ask: { example: true, headers: { prefer: 'wait=0' } }, status: 202 },
    { operationId: 'bootInstance', ask: { body: { id: ID, name: 'a' } }, status: 409 },
    { operationId: 'bootInstance', ask: { body: {} }, status: 400 },
    { operationId: 'bootInstance', ask: { token: null }, status: 401 },
    { operationId: 'bootInstance', ask: { token: READER }, status: 403 },
    { operationId: 'bootInstance', ask: { headers: { 'content-type': 'text/plain' } }, status: 415 },
    { operationId: 'bootInstance', ask: { body: `"${'x'.repeat(1_100_000)}"` }, status: 413 },
    { operationId: 'listInstances', ask: { method: 'GET' }, status: 200 },
    { operationId: 'listInstances', ask: { method: 'GET', path: '/v1/instances?limit=1' }, status: 200 },
    { operationId: 'listInstances', ask: { method: 'GET', path: '/v1/instances?limit=0' }, status: 400 },
    { operationId: 'showInstance', ask: { method: 'GET', path }, status: 200 },
    { operationId: 'showInstance', ask: { method: 'GET', path: '/v1/instances/x' }, status: 404 },
    {
      operationId: 'changeMetadata',
      ask: { method: 'PUT', path: `${path}/metadata`, example: true },
      status: 200,
    },
    { operationId: 'downloadConfigDrive', ask: { method: 'GET', path: `${path}/config-drive` }, status: 404 },
    { operationId: 'rebuildInstance', ask: { path: `${path}/rebuild`, example: true }, status: 202 },
    { operationId: 'rebuildInstance', ask: { path: `${path}/rebuild`, example: true }, status: 409 },
    { operationId: 'deleteInstance', ask: { method: 'DELETE', path, token: ADMIN }, status: 204 },
    { operationId: 'deleteInstance', ask: { method: 'DELETE', path }, status: 404 },
    { operationId: 'showVersion', ask: { method: 'GET', path: '/v1', token: null }, status: 200 },
    { operationId: 'showDocument', ask: { method: 'GET', path: '/openapi.json', token: null }, status: 200 },
  ];

  beforeAll(() => {
    house.boots.keep(full);
  });

  // One after the other: later ones find what earlier ones left.
  test.each(cases)(
    '$operationId $status',
    async ({ operationId, ask: { example: wantsExample, ...ask }, status }) => {
      const reply = await house.ask(wantsExample ? { ...ask, body: example(operationId) } : ask);
      expect(reply.status).toBe(status);
      expectDocumented(operationId, reply);
    },
  );

  test('downloadConfigDrive 200', async () => {
    house.boots.keep(full);
    house.boots.drive = {
      about: { format: 'vfat', size: 4, sha256: 'ab'.repeat(32), shortLivedTargets: [] },
      bytes: async function* () {
        yield await Promise.resolve(Buffer.from('data'));
      },
    };
    const reply = await house.ask({ method: 'GET', path: `${path}/config-drive` });
    expect(reply.body).toBe('data');
    expectDocumented('downloadConfigDrive', reply);
  });
});
