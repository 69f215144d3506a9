export { RpcServer } from './server.ts';
export type { RpcServerOptions } from './server.ts';
export { createRpcClient } from './client.ts';
export type { RpcClientOptions } from './client.ts';
export type {
  Call,
  CallOptions,
  Handlers,
  RpcClient,
  ServiceDefinition,
  StreamOptions,
} from './service-types.ts';
export { fromServiceError, toStatus } from './status.ts';
export { mutualTls } from './tls.ts';
export type { MutualTls } from './tls.ts';
export { DataServer } from './data-server.ts';
export type { DataHandler, DataMethod, DataReply, DataServerOptions, Transfer } from './data-server.ts';
export { DataClient } from './data-client.ts';
export type { DataAnswer, DataCallOptions, DataClientOptions, DataTicket } from './data-client.ts';
export { STARTING_UP } from './wire.ts';
