export { startProvider } from './provider.ts';
export type { ProviderOptions, ProviderTls, RunningProvider } from './provider.ts';
