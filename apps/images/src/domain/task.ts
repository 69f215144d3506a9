import { conflict, invalid, type HallmarkError } from '@hallmark/errors';
import { secondsOf } from './representation.ts';
import { listLink, parseQuery, readLimit } from './query-string.ts';
import type { InjectionDecision } from './injection.ts';

export const TASK_STATUSES = ['pending', 'processing', 'success', 'failure'] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];

export const TASK_TRANSITIONS: Readonly<Record<TaskStatus, readonly TaskStatus[]>> = {
  pending: ['processing', 'failure'],
  processing: ['success', 'failure'],
  success: [],
  failure: [],
};

export const hasEnded = (status: TaskStatus): boolean => TASK_TRANSITIONS[status].length === 0;

export function requireTaskTransition(from: TaskStatus, to: TaskStatus): void {
  if (TASK_TRANSITIONS[from].includes(to)) return;
  throw conflict('TASK_TRANSITION', `Status transition from ${from} to ${to} is not allowed`);
}

/** What an import was asked to do, as its task shows it. */
export interface TaskInput {
  readonly image_id: string;
  /** The body of the request, as it was. */
  readonly import_req: unknown;
  /** Ids of stores; null is the only store. */
  readonly backend: readonly (string | null)[];
}

export interface Task {
  readonly id: string;
  readonly type: 'api_image_import';
  readonly status: TaskStatus;
  /** The project that asked. */
  readonly owner: string | null;
  readonly imageId: string;
  readonly userId: string;
  readonly requestId: string;
  readonly input: TaskInput;
  /** Progress or failure, for a person. */
  readonly message: string;
  /** Why it failed, for a program. Empty unless it failed. */
  readonly reason: string;
  readonly bytesDone: number;
  readonly bytesTotal: number | undefined;
  readonly injection: InjectionDecision | undefined;
  readonly cancelRequested: boolean;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** From when on it is not shown; set at its end. */
  readonly expiresAt: Date | undefined;
}

const resultOf = ({ status, imageId }: Task): object | null =>
  status === 'success' ? { image_id: imageId } : null;

/** A task of `GET /v2/tasks/ID`. */
export function representTask(task: Task): object {
  return {
    id: task.id,
    input: task.input,
    type: task.type,
    status: task.status,
    owner: task.owner,
    message: task.message,
    result: resultOf(task),
    created_at: secondsOf(task.createdAt),
    updated_at: secondsOf(task.updatedAt),
    self: `/v2/tasks/${task.id}`,
    schema: '/v2/schemas/task',
    ...expiry(task),
    image_id: task.imageId,
    request_id: task.requestId,
    user_id: task.userId,
    ...ours(task),
  };
}

/** What Glance does not tell: why it failed, for programs, and what was decided about injection. */
function ours({ reason, injection }: Task): object {
  if (!injection) return reason === '' ? {} : { reason };
  const { injected, rule, userId, roles, properties, decidedAt } = injection;
  return {
    ...(reason !== '' && { reason }),
    injection: { injected, rule, user_id: userId, roles, properties, decided_at: secondsOf(decidedAt) },
  };
}

/** A task of `GET /v2/tasks`. */
export function representListedTask(task: Task): object {
  return {
    id: task.id,
    type: task.type,
    status: task.status,
    owner: task.owner,
    created_at: secondsOf(task.createdAt),
    updated_at: secondsOf(task.updatedAt),
    self: `/v2/tasks/${task.id}`,
    schema: '/v2/schemas/task',
    ...expiry(task),
  };
}

const expiry = ({ expiresAt }: Task): object => (expiresAt ? { expires_at: secondsOf(expiresAt) } : {});

/** A task of `GET /v2/images/ID/tasks`, which Glance gives as its database has it. */
export function representImageTask(task: Task): object {
  return {
    id: task.id,
    type: task.type,
    status: task.status,
    owner: task.owner,
    expires_at: task.expiresAt ? rawTime(task.expiresAt) : null,
    created_at: rawTime(task.createdAt),
    updated_at: rawTime(task.updatedAt),
    deleted_at: null,
    deleted: false,
    image_id: task.imageId,
    request_id: task.requestId,
    user_id: task.userId,
    input: task.input,
    result: resultOf(task),
    message: task.message,
  };
}

const rawTime = (time: Date): string => `${time.toISOString().slice(0, 19)}.000000`;

const SORT_KEYS = ['id', 'type', 'status', 'owner', 'created_at', 'updated_at', 'expires_at'] as const;
export type TaskSortKey = (typeof SORT_KEYS)[number];

export interface TaskQuery {
  readonly limit: number;
  readonly marker: string | undefined;
  readonly status: TaskStatus | undefined;
  readonly owner: string | undefined;
  /** Only of type `import`, of which Hallmark has none. */
  readonly legacyOnly: boolean;
  readonly sortKey: TaskSortKey;
  readonly descending: boolean;
  readonly first: string;
  next(marker: string): string;
}

const PATH = '/v2/tasks';

export function parseTaskQuery(
  query: string,
  sizes: { readonly standard: number; readonly most: number },
): TaskQuery {
  const pairs = parseQuery(query);
  const given = new Map(pairs);
  const status = given.get('status');
  const type = given.get('type');
  const key = given.get('sort_key') ?? 'created_at';
  const dir = given.get('sort_dir') ?? 'desc';
  const sortKey = SORT_KEYS.find((candidate) => candidate === key);
  if (status !== undefined && !TASK_STATUSES.some((candidate) => candidate === status))
    throw queryInvalid(`Invalid status value: ${status}`);
  if (type !== undefined && type !== 'import') throw queryInvalid(`Invalid type value: ${type}`);
  if (!sortKey) throw queryInvalid('Sort key supplied was not valid.');
  if (dir !== 'asc' && dir !== 'desc') throw queryInvalid(`Invalid sort direction: ${dir}`);
  return {
    limit: readLimit(given.get('limit'), sizes),
    marker: given.get('marker'),
    status: TASK_STATUSES.find((candidate) => candidate === status),
    owner: given.get('owner'),
    legacyOnly: type === 'import',
    sortKey,
    descending: dir === 'desc',
    first: listLink(PATH, pairs),
    next: (marker) => listLink(PATH, pairs, marker),
  };
}

const queryInvalid = (message: string): HallmarkError => invalid('QUERY_INVALID', message);
