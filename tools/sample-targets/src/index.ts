export { startBroken } from './broken.ts';
export { startInventory } from './inventory.ts';
export { startSlow } from './slow.ts';
export type { ListenOptions, RunningTarget } from './service.ts';
