import { randomBytes, randomUUID } from 'node:crypto';
import { invalid } from '@hallmark/errors';
import type { instances } from '@hallmark/contracts';
import { readBoot } from '../domain/boot.ts';
import type { Idempotency } from '../store/boots.ts';
import type { NewInstance } from '../store/instance-rows.ts';
import { fingerprintOf } from './wire.ts';

const RANDOM_SEED_BYTES = 512;
const RESERVATION_CHARACTERS = 8;
const VISIBLE = /^[\x21-\x7e]{1,255}$/;

/** What is taken in for a request, but for the numbers that the database gives. */
export function instanceFromWire(
  request: instances.CreateInstanceRequest,
  forceConfigDrive: boolean,
): Omit<NewInstance, 'ec2'> {
  const { boot, projectId, userId, bootRoles } = request;
  if (boot === undefined) throw invalid('INSTANCE_INVALID', 'boot is missing.');
  const defaults = { id: randomUUID(), reservationId: newReservationId(), forceConfigDrive };
  const description = readBoot(boot, { projectId, userId, bootRoles }, defaults);
  return {
    ...description,
    projectId,
    userId,
    bootRoles,
    randomSeed: randomBytes(RANDOM_SEED_BYTES),
    status: description.configDriveWanted ? 'BUILD' : 'ACTIVE',
    fault: undefined,
  };
}

export function idempotencyFromWire(request: instances.CreateInstanceRequest): Idempotency | undefined {
  const { idempotencyKey: key } = request;
  if (key === '') return undefined;
  if (!VISIBLE.test(key)) {
    throw invalid('INSTANCE_INVALID', 'idempotency_key has other than 1 to 255 visible ASCII characters.');
  }
  return { key, fingerprint: fingerprintOf(request) };
}

/** `r-` and characters of base 36, as Nova makes them. A byte in 252 of 256 is good for one. */
function newReservationId(): string {
  let id = '';
  while (id.length < RESERVATION_CHARACTERS) {
    for (const byte of randomBytes(RESERVATION_CHARACTERS)) {
      if (byte < 252 && id.length < RESERVATION_CHARACTERS) id += (byte % 36).toString(36);
    }
  }
  return `r-${id}`;
}
