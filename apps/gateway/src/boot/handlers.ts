import { randomUUID } from 'node:crypto';
import type { instances } from '@hallmark/contracts';
import { forbidden } from '@hallmark/errors';
import type { RpcClient } from '@hallmark/rpc';
import {
  answered,
  callOptions,
  jsonBody,
  sendJson,
  targetOf,
  type Asked,
  type Json,
  type Target,
} from './asked.ts';
import { sendConfigDrive, type DriveClient } from './config-drive.ts';
import {
  bootToWire,
  instanceJson,
  instanceSummaryJson,
  metadataToWire,
  rebuildToWire,
  isBuilding,
  statusToWire,
} from './instance-wire.ts';
import { membersOf } from './json-text.ts';
import { listQueryOf, nextPage } from './list-query.ts';
import type { OperationId } from './operations.ts';
import { idempotencyKey, waitSeconds } from './preferences.ts';
import type { Validator } from './validator.ts';

export type InstancesClient = Pick<
  RpcClient<instances.InstancesServiceService>,
  | 'createInstance'
  | 'getInstance'
  | 'listInstances'
  | 'updateMetadata'
  | 'rebuildInstance'
  | 'deleteInstance'
  | 'openConfigDrive'
>;

export interface BootServices {
  readonly instances: InstancesClient;
  readonly drives: DriveClient;
  readonly validator: Validator;
  readonly maxBodyBytes: number;
}

/** Answers a request that was let in; what it throws becomes the answer. */
export type Handler = (asked: Asked) => Promise<void>;

const THE_BODY = 'The body';
const DEFAULT_LIMIT = 100;
/** A call between services ends after half a minute at the latest, so that a long wait is several. */
const LONGEST_ROUND_SECONDS = 20;

/** What each operation on instances does: read the request, ask the service, write the answer. */
export function bootHandlers({ instances, drives, validator, maxBodyBytes }: BootServices) {
  const bodyOf = async ({ exchange }: Asked): Promise<Json> => jsonBody(exchange, maxBodyBytes);

  /**
   * Answers with an instance that is being built, and waits for it as long as the caller prefers. What
   * was taken in stays so, whatever becomes of the waiting.
   */
  async function sendBuilding(asked: Asked, taken: instances.Instance, ready: 200 | 201): Promise<void> {
    const { exchange } = asked;
    exchange.instanceId = taken.id;
    const seconds = waitSeconds(exchange.request.headers);
    const headers = ['Location', `/v1/instances/${taken.id}`];
    if (seconds === undefined) {
      sendJson(exchange, 202, instanceJson(taken), headers);
      return;
    }
    const { id, projectId } = taken;
    const now = isBuilding(taken)
      ? await waited(asked, { id, projectId }, seconds).catch(() => taken)
      : taken;
    headers.push('Preference-Applied', `wait=${seconds}`);
    sendJson(exchange, isBuilding(now) ? 202 : ready, instanceJson(now), headers);
  }

  /** The instance as it is when it has left BUILD, or when the time is over. */
  async function waited(asked: Asked, target: Target, seconds: number): Promise<instances.Instance> {
    for (let left = seconds; ; left -= LONGEST_ROUND_SECONDS) {
      const round = Math.min(left, LONGEST_ROUND_SECONDS);
      const request = { ...target, wait: { seconds: round, nanos: 0 } };
      const { instance } = await answered(instances.getInstance(request, callOptions(asked, round)));
      const found = present(instance);
      if (!isBuilding(found) || left <= LONGEST_ROUND_SECONDS) return found;
    }
  }

  return {
    async bootInstance(asked) {
      const { exchange, projectId } = asked;
      // Without a key of the caller's own, one for this request alone: the transport may repeat the call.
      const key = idempotencyKey(exchange.request.headers) ?? `gateway-${randomUUID()}`;
      const { text, value } = await bodyOf(asked);
      const body = validator.check('BootRequest', THE_BODY, value);
      const { caller } = exchange;
      if (!caller) throw new Error('A boot was let in without a caller.');
      const request = {
        boot: bootToWire({ body, json: text }),
        projectId,
        userId: caller.userId,
        bootRoles: [...caller.roles],
        idempotencyKey: key,
      };
      const { instance } = await answered(instances.createInstance(request, callOptions(asked)));
      await sendBuilding(asked, present(instance), 201);
    },

    async listInstances(asked) {
      const { exchange, projectId, othersToo } = asked;
      const query = listQueryOf(exchange.request.url ?? '', validator);
      const { limit = DEFAULT_LIMIT, marker = '', status, all_projects: all = false } = query;
      if (all && !othersToo) {
        throw forbidden('ADMIN_NEEDED', 'Only an admin may list the instances of all projects.');
      }
      if (!all && projectId === '') throw noProject();
      const request = {
        projectId: all ? '' : projectId,
        marker,
        limit,
        status: statusToWire(status),
      };
      const page = await answered(instances.listInstances(request, callOptions(asked)));
      const last = page.instances.at(-1);
      const items = page.instances.map(instanceSummaryJson).join(',');
      const next = page.more && last ? `,"next":${JSON.stringify(nextPage(query, last.id))}` : '';
      sendJson(exchange, 200, `{"instances":[${items}]${next}}`);
    },

    async showInstance(asked) {
      const { exchange } = asked;
      const seconds = waitSeconds(exchange.request.headers);
      const instance = await waited(asked, targetOf(asked), seconds ?? 0);
      const headers = seconds === undefined ? [] : ['Preference-Applied', `wait=${seconds}`];
      sendJson(exchange, 200, instanceJson(instance), headers);
    },

    async changeMetadata(asked) {
      const target = targetOf(asked);
      const { text, value } = await bodyOf(asked);
      validator.check('MetadataChange', THE_BODY, value);
      const metadata = metadataToWire(membersOf(text)) ?? [];
      const { instance } = await answered(
        instances.updateMetadata({ ...target, metadata }, callOptions(asked)),
      );
      sendJson(asked.exchange, 200, instanceJson(present(instance)));
    },

    async rebuildInstance(asked) {
      const target = targetOf(asked);
      const { text, value } = await bodyOf(asked);
      const body = validator.check('RebuildRequest', THE_BODY, value);
      const request = { ...target, ...rebuildToWire({ body, json: text }) };
      // Not twice: what is being built is refused, and a guest that has begun must not lose its password again.
      const once = { ...callOptions(asked), repeatable: false };
      const { instance } = await answered(instances.rebuildInstance(request, once));
      await sendBuilding(asked, present(instance), 200);
    },

    async deleteInstance(asked) {
      await answered(instances.deleteInstance(targetOf(asked), callOptions(asked)));
      asked.exchange.answer([], NOTHING, 204);
    },

    async downloadConfigDrive(asked) {
      const target = targetOf(asked);
      const opened = await answered(instances.openConfigDrive(target, callOptions(asked)));
      await sendConfigDrive(asked, target.id, opened, drives);
    },
  } satisfies Partial<Record<OperationId, Handler>>;
}

const NOTHING = Buffer.alloc(0);

/** What is told to a token without a project where one is needed. */
export const noProject = () =>
  forbidden(
    'PROJECT_SCOPE_MISSING',
    'This token is not scoped to a project. Ask Keystone for one that is; admins may list with all_projects=true.',
  );

function present(instance: instances.Instance | undefined): instances.Instance {
  if (!instance) throw new Error('The instances service answered without the instance.');
  return instance;
}
