export { STAND_IN_USERS, startKeystoneStandIn } from './stand-in.ts';
export type { StandInOptions } from './stand-in.ts';
