import { setTimeout as wait } from 'node:timers/promises';
import { waitFor } from '@hallmark/testing';
import { Child } from '../child.ts';
import { usageOf } from '../measure/process-usage.ts';
import type { GuestHouse } from './house.ts';
import { instanceNumber } from './registry.ts';
import type { GuestScale } from './scale.ts';

const PATH = '/openstack/latest/meta_data.json';
/** So many as the gateway keeps by default: what a record costs to read is measured elsewhere. */
const INSTANCES = 400;
/** They do not all come at once. */
const AT_A_TIME = 200;
const SEATED_MS = 60_000;
/** What the last connections needed is freed again. */
const SETTLE_MS = 2_000;

export interface WaitingResult {
  readonly waiters: number;
  /** How many the gateway says are waiting. */
  readonly seated: number;
  /** How much more memory the gateway has, in MiB. NaN without `/proc`. */
  readonly growthMiB: number;
  /** CPU time that the gateway takes for them in a second, in ms. NaN without `/proc`. */
  readonly cpuMsPerSecond: number;
}

/**
 * (f) Requests that wait for a change that does not come. It is measured first: later, memory that the gateway
 * has already would hide what they need.
 */
export async function measureWaiting(
  house: GuestHouse,
  { waiters, ...scale }: GuestScale,
): Promise<WaitingResult> {
  const { child: crowd } = await Child.start('crowd', {});
  await using parts = new AsyncDisposableStack();
  parts.use(crowd);
  const instances = Math.min(INSTANCES, scale.instances);
  const visitors = Array.from({ length: instances }, (_, index) => house.guest(instanceNumber(index + 1)));
  for (const { headers } of visitors) {
    const response = await fetch(`http://127.0.0.1:${house.guestPort}${PATH}`, { headers });
    await response.arrayBuffer();
  }
  const before = await usageOf(house.gatewayPid);
  const seats = async (): Promise<number> => house.metric('hallmark_gateway_waiters');
  for (let come = 0; come < waiters; come += AT_A_TIME) {
    const count = Math.min(AT_A_TIME, waiters - come);
    const more = visitors.slice(come % instances, (come % instances) + count);
    await crowd.ask({ port: house.guestPort, path: `${PATH}?wait_for_change=true`, visitors: more, count });
    await waitFor('them to be seated', async () => (await seats()) >= come + count, SEATED_MS);
  }
  await wait(SETTLE_MS);
  const seated = await seats();
  const [usage, begun] = [await usageOf(house.gatewayPid), performance.now()];
  await wait(SETTLE_MS);
  const later = await usageOf(house.gatewayPid);
  const seconds = (performance.now() - begun) / 1_000;
  // What comes next is not to pay for their going.
  await crowd[Symbol.asyncDispose]();
  await waitFor('them to be gone', async () => (await seats()) === 0, SEATED_MS);
  return {
    waiters,
    seated,
    growthMiB: (usage?.rssMiB ?? NaN) - (before?.rssMiB ?? NaN),
    cpuMsPerSecond: ((later?.cpuMs ?? NaN) - (usage?.cpuMs ?? NaN)) / seconds,
  };
}
