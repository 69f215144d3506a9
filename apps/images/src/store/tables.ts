import type { ColumnType, Generated, Selectable } from 'kysely';
import type { Caller } from '../domain/caller.ts';
import type { ImageStatus, MemberStatus, Visibility } from '../domain/image.ts';
import type { TaskInput, TaskStatus } from '../domain/task.ts';

/** `bigint`, which pg reads as text. */
type NullableBigInt = ColumnType<string | null, number | null, number | null>;
/** `json`: read as what it holds, written as text; keeps the order of members. */
type Json<T> = ColumnType<T, string, string>;
type Created = ColumnType<Date, never, never>;
type Updated = ColumnType<Date, never, Date>;

/** The columns as `migrations.ts` makes them. */
export interface Tables {
  images: ImagesTable;
  properties: PropertiesTable;
  tags: { image_id: string; tag: string; seq: Generated<string> };
  members: MembersTable;
  locations: LocationsTable;
  removals: RemovalsTable;
  tasks: TasksTable;
}

export interface ImagesTable {
  id: ColumnType<string, string, never>;
  name: string | null;
  status: ImageStatus;
  visibility: Visibility;
  protected: boolean;
  hidden: boolean;
  owner: string | null;
  container_format: string | null;
  disk_format: string | null;
  min_disk: number;
  min_ram: number;
  size: NullableBigInt;
  virtual_size: NullableBigInt;
  checksum: string | null;
  hash_algo: string | null;
  hash_value: string | null;
  staged_key: string | null;
  transfer_owner: string | null;
  transfer_until: Date | null;
  created_at: Created;
  updated_at: Updated;
  deleted_at: Date | null;
}

export interface PropertiesTable {
  image_id: string;
  name: string;
  value: string;
  injected: boolean;
  seq: Generated<string>;
}

export interface MembersTable {
  image_id: string;
  member_id: string;
  status: MemberStatus;
  created_at: Created;
  updated_at: Updated;
  /** Set by a trigger. */
  image_created_at: ColumnType<Date, never, never>;
}

interface LocationsTable {
  image_id: string;
  store_id: string;
  url: string;
  seq: Generated<string>;
}

interface RemovalsTable {
  id: Generated<string>;
  store_id: string;
  url: string;
  created_at: Created;
  due_at: ColumnType<Date, Date | undefined, Date>;
  /** Who writes the data, or is about to remove it. */
  holder: ColumnType<string | null, string | undefined, string | null>;
}

/** A decision about injection as JSON has it. */
export interface StoredInjection {
  readonly injected: boolean;
  readonly userId: string;
  readonly roles: readonly string[];
  readonly rule: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly decidedAt: string;
}

export interface TasksTable {
  id: string;
  image_id: string;
  status: TaskStatus;
  owner: string | null;
  user_id: string;
  request_id: string;
  input: Json<TaskInput>;
  /** Whoever asked, whose rights the work has. */
  caller: Json<Caller>;
  message: Generated<string>;
  reason: Generated<string>;
  bytes_done: ColumnType<string, never, number>;
  bytes_total: ColumnType<string | null, never, number | null>;
  injection: ColumnType<StoredInjection | null, string | null, string | null>;
  /** Where web-download takes the data; `input` shows it without what is secret in it. */
  source_uri: ColumnType<string | null, string | null | undefined, string | null>;
  cancel_requested: ColumnType<boolean, never, boolean>;
  attempt: ColumnType<number, never, number>;
  lease_owner: ColumnType<string | null, never, string | null>;
  lease_until: ColumnType<Date, never, Date>;
  created_at: Created;
  updated_at: Updated;
  expires_at: Date | null;
}

export type TaskRow = Selectable<TasksTable>;
export type MemberRow = Selectable<MembersTable>;
