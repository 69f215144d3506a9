/** Whether an instance is there yet, in the words of the database. */
export type InstanceStatus = 'BUILD' | 'ACTIVE' | 'ERROR' | 'DELETED';

const NEXT = {
  BUILD: ['ACTIVE', 'ERROR', 'DELETED'],
  ACTIVE: ['BUILD', 'ACTIVE', 'DELETED'], // BUILD, or ACTIVE at once without a config drive: rebuilt
  ERROR: ['BUILD', 'ACTIVE', 'DELETED'], // a rebuild may mend it
  DELETED: [],
} satisfies Record<InstanceStatus, readonly InstanceStatus[]>;

export const canMove = (from: InstanceStatus, to: InstanceStatus): boolean =>
  (NEXT[from] as readonly InstanceStatus[]).includes(to);
